import Optimizers
import Tensors
import Testing

/// Trajectories of transformers' Adafactor, replayed on both backends.
@Suite struct AdafactorParityTests {
  @Test(arguments: ReferenceCase.names)
  func `The specification follows a trajectory of the reference`(name: String) throws {
    try follow(Trajectory<Specification<AdafactorOptions>>.load(name), backend: .swift)
  }

  @Test(arguments: ReferenceCase.names, Backend.available)
  func `A trajectory of the reference is followed`(name: String, backend: Backend) throws {
    try follow(ReferenceCase.load(name), backend: backend)
  }

  private func follow<Rule: ReferenceRule>(_ reference: Trajectory<Rule>, backend: Backend) throws {
    let run = try TrajectoryRun(reference, backend: backend)
    for (index, step) in reference.steps.enumerated() {
      try run.take(step)
      run.compareParameters(with: reference.record[index])
      for states in reference.states where states.afterStep == index + 1 {
        run.compareStates(with: states)
      }
    }
  }
}

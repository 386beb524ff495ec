import Optimizers
import Tensors
import Testing

/// Trajectories of torch's AdamW, replayed on both backends.
@Suite struct AdamWParityTests {
  @Test(arguments: Trajectory<AdamWOptions>.names)
  func `The specification follows a trajectory of torch`(name: String) throws {
    try follow(Trajectory<Specification<AdamWOptions>>.load(name), backend: .swift)
  }

  @Test(arguments: Trajectory<AdamWOptions>.names, Backend.available)
  func `A trajectory of torch is followed`(name: String, backend: Backend) throws {
    try follow(Trajectory<AdamWOptions>.load(name), backend: backend)
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

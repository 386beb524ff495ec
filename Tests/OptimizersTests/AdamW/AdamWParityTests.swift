import Optimizers
import Tensors
import Testing

/// Trajectories of torch's AdamW, replayed on both backends.
@Suite struct AdamWParityTests {
  @Test(arguments: Trajectory<AdamW>.names, Backend.available)
  func `A trajectory of torch is followed`(name: String, backend: Backend) throws {
    let reference = try Trajectory<AdamW>.load(name)
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

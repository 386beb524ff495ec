import Optimizers
import Tensors
import Testing

/// Trajectories of torch's AdamW, replayed on both backends.
@Suite struct AdamWParityTests {
  @Test(arguments: Trajectory<AdamWOptions>.names)
  func `The specification follows a trajectory of torch`(name: String) throws {
    try followTrajectory(Trajectory<Specification<AdamWOptions>>.load(name), backend: .swift)
  }

  @Test(arguments: Trajectory<AdamWOptions>.names, Backend.available)
  func `A trajectory of torch is followed`(name: String, backend: Backend) throws {
    try followTrajectory(Trajectory<AdamWOptions>.load(name), backend: backend)
  }
}

import Optimizers
import Tensors
import Testing

/// Trajectories of transformers' Adafactor, replayed on both backends.
@Suite struct AdafactorParityTests {
  @Test(arguments: ReferenceCase.names)
  func `The specification follows a trajectory of the reference`(name: String) throws {
    try followTrajectory(Trajectory<Specification<AdafactorOptions>>.load(name), backend: .swift)
  }

  @Test(arguments: ReferenceCase.names, Backend.available)
  func `A trajectory of the reference is followed`(name: String, backend: Backend) throws {
    try followTrajectory(ReferenceCase.load(name), backend: backend)
  }
}

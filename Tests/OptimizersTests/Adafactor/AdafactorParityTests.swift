import Optimizers
import Tensors
import Testing

/// Trajectories of transformers' Adafactor, replayed on both backends.
@Suite struct AdafactorParityTests {
  @Test(arguments: ReferenceCase.names, Backend.available)
  func `A trajectory of the reference is followed`(name: String, backend: Backend) throws {
    let reference = try ReferenceCase.load(name)
    let run = try ReferenceRun(reference, backend: backend)
    for (index, step) in reference.steps.enumerated() {
      try run.take(step)
      run.compareParameters(with: reference.record[index])
      for states in reference.states where states.afterStep == index + 1 {
        run.compareStates(with: states)
      }
    }
  }
}

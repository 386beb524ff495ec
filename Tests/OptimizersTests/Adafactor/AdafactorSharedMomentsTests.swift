import Tensors
import TestSupport
import Testing

@testable import Optimizers

/// R and C of trailing matrices of one element average the same squares. If they are equal at the start, they share memory.
@Suite struct AdafactorSharedMomentsTests {
  static let shape: Shape = [300, 5, 1, 1]
  static let types: [ScalarType] = [.bfloat16, .float32, .float64]

  /// A parameter after some steps, and its state.
  private struct Run {
    let parameter: Parameter
    let optimizer: Adafactor

    init(_ type: ScalarType, _ backend: Backend, state: Adafactor.State? = nil) throws {
      var numbers = TestNumbers(seed: 1)
      let values = Tensor(numbers.array(shape.elementCount), shape: shape).converted(to: type)
      parameter = Parameter("p", values)
      parameter.gradient = Tensor(numbers.array(shape.elementCount), shape: shape).converted(to: type)
      // Also with rounding by tiles, for types that are rounded.
      let options = Adafactor.Options(
        learningRate: .constant(0.1), beta1: 0.5, rounding: type == .bfloat16 ? .stochastic : .nearest)
      optimizer = try Adafactor([parameter], options: options, backend: backend)
      if let state { try optimizer.setState(state, of: parameter) }
    }

    var state: Adafactor.State { optimizer.state(of: parameter)! }
  }

  /// Returns moments with the same numbers in separate memory.
  private func separate(_ state: Adafactor.State) -> Adafactor.State {
    var state = state
    state.columnMoments = state.columnMoments!.rewritten
    return state
  }

  @Test(arguments: types)
  func `Sharing changes no bit, and halves the memory`(type: ScalarType) throws {
    let initial = Adafactor.State(shape: Self.shape, scalarType: type, hasFirstMoments: true)
    for backend in Backend.available {
      let (shared, apart) = (try Run(type, backend), try Run(type, backend, state: separate(initial)))
      for _ in 0..<3 {
        try shared.optimizer.step()
        try apart.optimizer.step()
        #expect(shared.state.momentsAreShared && !apart.state.momentsAreShared)
        #expect(
          ParameterBits(shared.parameter, shared.optimizer) == ParameterBits(apart.parameter, apart.optimizer)
        )
      }
      let moments = apart.state.rowMoments!.byteCount
      #expect(apart.optimizer.stateByteCount - shared.optimizer.stateByteCount == moments)
    }
  }

  @Test
  func `A state from elsewhere shares only equal moments`() throws {
    let run = try Run(.float32, .defaultForOptimizers)
    try run.optimizer.step()
    let apart = separate(run.state)
    let loaded = Adafactor.State(step: 1, tensors: apart.tensors, numbers: apart.numbers)
    #expect(loaded.momentsAreShared && loaded == apart)
    #expect(
      Adafactor.State(step: 1, rowMoments: apart.rowMoments, columnMoments: apart.columnMoments)
        .momentsAreShared)

    var tensors = apart.tensors
    tensors["exp_avg_sq_row"] = Tensor(ones: [300, 5, 1])
    let different = Adafactor.State(step: 1, tensors: tensors, numbers: apart.numbers)
    #expect(!different.momentsAreShared)
    // Only R differs, by β of its initial value. u = g / √C does not depend on it.
    let other = try Run(.float32, .defaultForOptimizers, state: different)
    other.parameter.value = run.parameter.value
    try run.optimizer.step()
    try other.optimizer.step()
    #expect(other.parameter.value.bits == run.parameter.value.bits)
    #expect(
      other.state.columnMoments == run.state.columnMoments && other.state.rowMoments != run.state.rowMoments)
  }

  @Test(arguments: [[3, 3], [1, 1], [4, 3, 3], [5, 1, 3], [5, 3, 1], [0, 1, 1]] as [Shape])
  func `Matrices of more elements, and single matrices, keep R and C separate`(shape: Shape) {
    #expect(!Adafactor.State(shape: shape, scalarType: .float32, hasFirstMoments: false).momentsAreShared)
  }
}

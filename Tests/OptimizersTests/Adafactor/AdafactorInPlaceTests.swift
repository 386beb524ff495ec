import Optimizers
import Tensors
import Testing

/// Adafactor on the caller's memory.
@Suite struct AdafactorInPlaceTests {
  static let shapes: [Shape] = [
    [], [7], [5, 9], [3, 4, 5], [200, 150], [4, 9000], [1, 20_000], [70, 3, 3], [0, 3],
  ]

  @Test(arguments: shapes, Backend.available)
  func `It has the optimizer's bits`(shape: Shape, backend: Backend) throws {
    var generator = SeededGenerator(seed: 3)
    let initial = Tensor(normal: shape, using: &generator)
    let options = Adafactor.Options(beta1: 0.9, weightDecay: 0.01)
    let parameter = Parameter("p", initial)
    let optimizer = try Adafactor([parameter], options: options, backend: backend, threads: 2)
    let rule = try InPlaceUpdate<Adafactor.Options>(options: options, backend: backend, threads: 1)
    var state = Adafactor.State(shape: shape, scalarType: .float32, hasFirstMoments: true)
    var values = initial.scalars(as: Float.self)
    for _ in 0..<3 {
      let gradient = Tensor(normal: shape, using: &generator)
      parameter.gradient = gradient
      try optimizer.step()
      let buffer = gradient.scalars(as: Float.self)
      var span = values.mutableSpan
      let updated = try rule.update(&span, gradient: buffer.span, shape: shape, state: &state)
      #expect(updated)
    }
    #expect(values == parameter.value.scalars(as: Float.self))
    #expect(state == optimizer.state(of: parameter))
  }

  @Test func `Arrays in dictionaries, buffers and spans are stepped with the same bits`() throws {
    let rule = try InPlaceUpdate(options: Adafactor.Options(beta1: 0.9), threads: 1)
    let gradients = ["w": [1, -2, 3, -4, 5, -6] as [Float]]
    var weights = ["w": [Float](repeating: 0.5, count: 6)]
    var states = ["w": rule.initialState(shape: [2, 3])]
    var (values, buffered) = (weights["w"]!, weights["w"]!)
    var (state, other) = (states["w"]!, states["w"]!)
    for _ in 0..<3 {
      try rule.update(&weights["w"]!, gradient: gradients["w"]!, shape: [2, 3], state: &states["w"]!)
      let gradient = gradients["w"]!
      var span = values.mutableSpan
      try rule.update(&span, gradient: gradient.span, shape: [2, 3], state: &state)
      try buffered.withUnsafeMutableBufferPointer { buffer in
        try gradient.withUnsafeBufferPointer { gradient in
          _ = try rule.update(buffer, gradient: gradient, shape: [2, 3], state: &other)
        }
      }
    }
    #expect(weights["w"] == values && buffered == values && values[0] != 0.5)
    #expect(states["w"] == state && other == state && state.step == 3)
  }

  @Test func `A gradient that is not finite is skipped without changing anything`() throws {
    let rule = try InPlaceUpdate<Adafactor.Options>(options: .init(beta1: 0.9))
    var state = Adafactor.State(shape: [2, 3], scalarType: .float32, hasFirstMoments: true)
    var values: [Float] = [1, 2, 3, 4, 5, 6]
    let gradient: [Float] = [0, 1, .nan, 0, 1, 2]
    let before = (values, state)
    var span = values.mutableSpan
    let updated = try rule.update(
      &span, gradient: gradient.span, shape: [2, 3], state: &state, nonFinitePolicy: .skipParameter)
    #expect(!updated)
    #expect(values == before.0)
    #expect(state == before.1)
    var again = values.mutableSpan
    #expect(throws: OptimizerError.nonFiniteGradient(parameter: "parameter")) {
      try rule.update(
        &again, gradient: gradient.span, shape: [2, 3], state: &state, nonFinitePolicy: .throwError)
    }
  }

  @Test func `Moments that a skipped step needed are not kept`() throws {
    let rule = try InPlaceUpdate<Adafactor.Options>(options: .init(beta1: 0.9, rounding: .compensated))
    var state = Adafactor.State(shape: [2], scalarType: .bfloat16, hasFirstMoments: false)
    var values: [BFloat16] = [1, 2]
    let gradient: [Float] = [0, .infinity]
    let before = state
    var span = values.mutableSpan
    let updated = try rule.update(
      &span, gradient: gradient.span, shape: [2], state: &state, nonFinitePolicy: .skipParameter)
    #expect(!updated && values == [1, 2] && state == before)
  }

  @Test func `A state of another shape is refused`() throws {
    let rule = try InPlaceUpdate<Adafactor.Options>()
    var state = Adafactor.State(shape: [3, 2], scalarType: .float32, hasFirstMoments: false)
    var values = [Float](repeating: 1, count: 6)
    let gradient = [Float](repeating: 1, count: 6)
    var span = values.mutableSpan
    let expected = OptimizerError.stateShape(
      parameter: "parameter", moments: "row moments", shape: [3], expected: [2])
    #expect(throws: expected) {
      try rule.update(&span, gradient: gradient.span, shape: [2, 3], state: &state)
    }
    #expect(values == [1, 1, 1, 1, 1, 1])
  }
}

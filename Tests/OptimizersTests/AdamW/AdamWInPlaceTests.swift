import Optimizers
import Tensors
import Testing

/// The rule on the caller's buffers.
@Suite struct AdamWInPlaceTests {
  static let shapes: [Shape] = [[], [7], [5, 9], [40_001], [0, 3]]

  @Test(arguments: shapes, Backend.available)
  func `It has the optimizer's bits`(shape: Shape, backend: Backend) throws {
    let options = AdamW.Options(learningRate: 0.01, weightDecay: 0.1, amsgrad: true, maximize: true)
    let parameter = AdamWStepTests.parameters([shape], .float32)[0]
    let optimizer = try AdamW([parameter], options: options, backend: backend, threads: 2)
    let rule = try InPlaceUpdate<AdamW.Options>(options: options, backend: backend, threads: 1)
    #expect(rule.options == options)
    var state = AdamW.State(shape: shape, scalarType: .float32, hasMaximum: false)
    var values = parameter.value.scalars(as: Float.self)
    for step in 1...3 {
      parameter.gradient = AdamWStepTests.gradient(of: shape, seed: step, as: .float32)
      parameter.gradientScale = 0.5
      try optimizer.step()
      let buffer = parameter.gradient!.scalars(as: Float.self)
      var span = values.mutableSpan
      let updated = try rule.update(
        &span, gradient: buffer.span, shape: shape, gradientScale: 0.5, state: &state)
      #expect(updated)
    }
    #expect(values == parameter.value.scalars(as: Float.self))
    #expect(state == optimizer.state(of: parameter))
  }

  @Test(arguments: Rounding.allCases)
  func `16-bit elements are rounded as in the optimizer`(rounding: Rounding) throws {
    let options = AdamW.Options(learningRate: 1e-3, rounding: rounding, roundingSeed: 9)
    // Stochastic rounding depends on the name, and an in-place update always uses the same name.
    let initial = AdamWStepTests.parameters([[5, 9]], .bfloat16)[0].value
    let parameter = Parameter("parameter", initial)
    let (optimizer, rule) = (
      try AdamW([parameter], options: options), try InPlaceUpdate<AdamW.Options>(options: options)
    )
    var state = AdamW.State(shape: [5, 9], scalarType: .bfloat16, hasMaximum: false)
    var values = initial.scalars(as: BFloat16.self)
    for step in 1...3 {
      parameter.gradient = AdamWStepTests.gradient(of: [5, 9], seed: step, as: .float32)
      try optimizer.step()
      let buffer = parameter.gradient!.scalars(as: Float.self)
      var span = values.mutableSpan
      try rule.update(&span, gradient: buffer.span, shape: [5, 9], state: &state)
    }
    #expect(values == parameter.value.scalars(as: BFloat16.self))
    #expect(state == optimizer.state(of: parameter))
    #expect((state.residual != nil) == (rounding == .compensated))
  }

  @Test func `A gradient that is not finite is skipped without changing anything`() throws {
    let rule = try InPlaceUpdate<AdamW.Options>(options: .init(amsgrad: true, rounding: .compensated))
    var state = AdamW.State(shape: [3], scalarType: .bfloat16, hasMaximum: false)
    var values: [BFloat16] = [1, 2, 3]
    let gradient: [Float] = [0, .nan, 1]
    let before = (values, state)
    var span = values.mutableSpan
    let updated = try rule.update(
      &span, gradient: gradient.span, shape: [3], state: &state, nonFinitePolicy: .skipParameter)
    #expect(!updated && values == before.0 && state == before.1)
    var again = values.mutableSpan
    #expect(throws: OptimizerError.nonFiniteGradient(parameter: "parameter")) {
      try rule.update(
        &again, gradient: gradient.span, shape: [3], state: &state, nonFinitePolicy: .throwError)
    }
    #expect(values == before.0 && state == before.1)
  }

  @Test func `Options out of range and a state of another shape are refused`() throws {
    #expect(throws: OptimizerError.self) { try InPlaceUpdate<AdamW.Options>(options: .init(beta1: 1)) }
    let rule = try InPlaceUpdate<AdamW.Options>()
    var state = AdamW.State(shape: [3], scalarType: .float32, hasMaximum: false)
    var values: [Float] = [1, 1]
    let gradient: [Float] = [1, 1]
    var span = values.mutableSpan
    let expected = OptimizerError.stateShape(
      parameter: "parameter", moments: "first moments", shape: [3], expected: [2])
    #expect(throws: expected) { try rule.update(&span, gradient: gradient.span, shape: [2], state: &state) }
    #expect(values == [1, 1])
  }
}

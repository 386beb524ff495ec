import KernelInterface
import Tensors

/// A rule over memory of the caller's: what ``Adafactor/Rule`` and ``AdamW/Rule`` are.
struct SpanUpdate<Options: UpdateRule> {
  let options: Options
  private let engine: StepEngine

  /// What errors call the parameter, and what stochastic rounding knows it by.
  private var parameterName: String { "parameter" }

  init(options: Options, backend: Backend, threads: Int?) throws(OptimizerError) {
    try options.validate()
    self.options = options
    engine = StepEngine(backend: backend, threads: threads ?? processorCount)
  }

  /// One step of one tensor; whether it was updated.
  func callAsFunction<Value: TensorScalar, Gradient: TensorScalar>(
    _ parameter: inout MutableSpan<Value>, gradient: Span<Gradient>, shape: Shape, gradientScale: Double,
    state: inout Options.State, policy: NonFinitePolicy
  ) throws(OptimizerError) -> Bool {
    precondition(
      parameter.count == shape.elementCount && gradient.count == shape.elementCount,
      "a parameter of \(parameter.count) and a gradient of \(gradient.count) elements for the shape \(shape)"
    )
    try state.check(parameter: parameterName, shape: shape, scalarType: Value.scalarType)
    let (hadOptionalMoments, hadResidual) = (state.optionalMoments != nil, state.residual != nil)
    options.addMissingMoments(to: &state, shape: shape, scalarType: Value.scalarType)
    let step = parameter.withUnsafeMutableBytes { parameter in
      gradient.withUnsafeBytes { gradient in
        run(
          parameter, Value.scalarType, gradient, Gradient.scalarType, gradientScale, shape, &state, policy)
      }
    }
    guard step.isFinished else {
      if !hadOptionalMoments { state.optionalMoments = nil }
      if !hadResidual { state.residual = nil }
      if policy == .throwError { throw .nonFiniteGradient(parameter: parameterName) }
      return false
    }
    options.finish(&state, after: step)
    return true
  }

  /// All phases of one tensor's step.
  private func run(
    _ parameter: UnsafeMutableRawBufferPointer, _ type: ScalarType, _ gradient: UnsafeRawBufferPointer,
    _ gradientType: ScalarType, _ gradientScale: Double, _ shape: Shape, _ state: inout Options.State,
    _ policy: NonFinitePolicy
  ) -> Options.Step {
    // An empty span may have no address; nothing is read or written there.
    let anywhere = UnsafeMutableRawPointer(bitPattern: 64)!
    var steps: ContiguousArray = [
      options.step(
        of: SteppedTensor(
          name: parameterName, parameter: MutableElements(parameter.baseAddress ?? anywhere, type),
          gradient: Elements(gradient.baseAddress ?? UnsafeRawPointer(anywhere), gradientType),
          gradientScale: gradientScale, shape: shape, squaresBefore: nil, mayComeFromMemory: true,
          needsDecision: policy != .propagate),
        state: &state)
    ]
    _ = engine.run(&steps, policy: policy)
    return steps[0]
  }
}

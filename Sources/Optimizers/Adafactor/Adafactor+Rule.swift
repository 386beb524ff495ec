import Kernels
import Tensors

extension Adafactor {
  /// Adafactor's rule as a value: options and a state for each tensor, applied in place to memory of the caller's.
  ///
  /// For programs that keep parameters and gradients in buffers of their own. ``Adafactor`` itself is this rule over
  /// parameter groups, with the tensors of a step worked on together.
  ///
  ///     let rule = try Adafactor.Rule(options: .init(stepSize: .fixed(1e-3), scaleParameter: false))
  ///     var state = Adafactor.State(shape: [256, 64], scalarType: .float32, hasFirstMoments: false)
  ///     var weights = [Float](repeating: 0.1, count: 256 * 64)
  ///     …
  ///     var span = weights.mutableSpan
  ///     try rule.update(&span, gradient: gradient.span, shape: [256, 64], state: &state)
  public struct Rule {
    /// The options.
    public let options: Options

    private let engine: StepEngine

    /// What errors call the parameter, and what stochastic rounding knows it by.
    private static var parameterName: String { "parameter" }

    /// A rule.
    ///
    /// - Parameters:
    ///   - options: What applies to every tensor that the rule updates.
    ///   - kernels: The kernel path, one of `KernelPathKind.available`.
    ///   - threads: Threads that an update uses at the most; nil for as many as there are processors.
    /// - Throws: `OptimizerError.invalidOption`.
    public init(
      options: Options = Options(), kernels: KernelPathKind = .current, threads: Int? = nil
    ) throws(OptimizerError) {
      try options.validate()
      self.options = options
      engine = StepEngine(kernels: kernels, threads: threads ?? processorCount)
    }

    /// One step of one tensor.
    ///
    /// - Parameters:
    ///   - parameter: The tensor's elements in row-major order, which the step changes.
    ///   - gradient: The gradient's elements, as many.
    ///   - shape: The shape of both.
    ///   - gradientScale: What the gradient is multiplied by as it is read.
    ///   - state: The tensor's state, which the step changes; before the first step `State(shape:scalarType:…)`.
    ///   - nonFinitePolicy: What happens if the gradient is not finite; skipping leaves parameter and state as they were.
    /// - Returns: Whether the tensor was updated.
    /// - Throws: `OptimizerError` for a state that does not fit, with nothing changed, and as the policy says.
    /// - Precondition: both spans hold as many elements as `shape`.
    @discardableResult
    public func update<Value: TensorScalar, Gradient: TensorScalar>(
      _ parameter: inout MutableSpan<Value>, gradient: Span<Gradient>, shape: Shape,
      gradientScale: Double = 1,
      state: inout State, nonFinitePolicy: NonFinitePolicy = .propagate
    ) throws(OptimizerError) -> Bool {
      precondition(
        parameter.count == shape.elementCount && gradient.count == shape.elementCount,
        "a parameter of \(parameter.count) and a gradient of \(gradient.count) elements for the shape \(shape)"
      )
      try state.check(parameter: Self.parameterName, shape: shape, scalarType: Value.scalarType)
      options.addMissingMoments(to: &state, shape: shape, scalarType: Value.scalarType)
      let step = parameter.withUnsafeMutableBytes { parameter in
        gradient.withUnsafeBytes { gradient in
          run(
            parameter, Value.scalarType, gradient, Gradient.scalarType, gradientScale, shape, &state,
            nonFinitePolicy)
        }
      }
      if nonFinitePolicy == .throwError && !step.isFinite {
        throw .nonFiniteGradient(parameter: Self.parameterName)
      }
      guard step.isFinished else { return false }
      options.finish(&state, after: step)
      return true
    }

    /// All phases of one tensor's step.
    private func run(
      _ parameter: UnsafeMutableRawBufferPointer, _ type: ScalarType, _ gradient: UnsafeRawBufferPointer,
      _ gradientType: ScalarType, _ gradientScale: Double, _ shape: Shape, _ state: inout State,
      _ policy: NonFinitePolicy
    ) -> AdafactorStep {
      // An empty span may have no address; nothing is read or written there.
      let anywhere = UnsafeMutableRawPointer(bitPattern: 64)!
      var steps: ContiguousArray = [
        options.step(
          of: SteppedTensor(
            name: Self.parameterName, parameter: MutableElements(parameter.baseAddress ?? anywhere, type),
            gradient: Elements(gradient.baseAddress ?? UnsafeRawPointer(anywhere), gradientType),
            gradientScale: gradientScale, shape: shape, squaresBefore: nil,
            needsDecision: policy != .propagate),
          state: &state)
      ]
      _ = engine.run(&steps, policy: policy)
      return steps[0]
    }
  }
}

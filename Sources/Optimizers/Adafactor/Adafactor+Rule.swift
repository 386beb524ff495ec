import KernelInterface
import Tensors

extension Adafactor {
  /// Adafactor's rule as a value: options and a state for each tensor, applied in place to memory of the caller's.
  ///
  /// For programs that keep parameters and gradients in buffers of their own. ``Adafactor`` itself is this rule over
  /// parameter groups, with the tensors of a step worked on together.
  ///
  ///     let rule = try Adafactor.Rule(options: .init(learningRate: .constant(1e-3), scaleParameter: false))
  ///     var state = Adafactor.State(shape: [256, 64], scalarType: .float32, hasFirstMoments: false)
  ///     var weights = [Float](repeating: 0.1, count: 256 * 64)
  ///     …
  ///     var span = weights.mutableSpan
  ///     try rule.update(&span, gradient: gradient.span, shape: [256, 64], state: &state)
  public struct Rule {
    private let step: SpanUpdate<Options>

    /// The options.
    public var options: Options { step.options }

    /// A rule.
    ///
    /// - Parameters:
    ///   - options: What applies to every tensor that the rule updates.
    ///   - backend: The backend, one of `Backend.available`.
    ///   - threads: Threads that an update uses at the most; nil for as many as there are processors.
    /// - Throws: `OptimizerError.invalidOption`.
    public init(
      options: Options = Options(), backend: Backend = .defaultForOptimizers, threads: Int? = nil
    ) throws(OptimizerError) {
      step = try SpanUpdate(options: options, backend: backend, threads: threads)
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
      try step(
        &parameter, gradient: gradient, shape: shape, gradientScale: gradientScale, state: &state,
        policy: nonFinitePolicy)
    }
  }
}

import Backends
import KernelInterface
import Tensors

/// A rule's update, applied in place to your own memory, for programs that keep parameters and gradients in arrays.
///
/// It takes the same step as a ``RuleOptimizer``, one tensor at a time, without parameters and groups.
///
///     let adafactor = try InPlaceUpdate(
///       options: Adafactor.Options(learningRate: .constant(1e-3)))
///     var state = adafactor.initialState(shape: [256, 64])
///     var weights = [Float](repeating: 0.1, count: 256 * 64)
///     …
///     try adafactor.update(
///       &weights, gradient: gradient, shape: [256, 64], state: &state)
///
/// The elements can be in arrays (including arrays in a dictionary), in spans, in buffers, or at raw addresses.
///
/// Everything that doesn't change between steps is prepared once per shape and pair of types, and is kept together with the
/// scratch memory of a step. Only one task may use it at a time.
public final class InPlaceUpdate<Rule: UpdateRule> {
  private let group: RuleGroup<Rule>
  private let engine: StepEngine
  private let backend: Backend
  private var prepared: [Key: StepBatch] = [:]

  /// The properties that a prepared step depends on.
  private struct Key: Hashable {
    let shape: Shape
    let scalarType: ScalarType
    let gradientType: ScalarType
    let needsVerdict: Bool
  }

  /// Creates an in-place update.
  ///
  /// - Parameters:
  ///   - options: The options that apply to every tensor.
  ///   - backend: The backend, one of `Backend.available`; nil for `Backend.default` if the rule
  ///     multiplies matrices, or else `Backend.defaultForOptimizers`.
  ///   - threads: The maximum number of threads of an update; nil for one per processor.
  /// - Throws: `OptimizerError.invalidOption`.
  public init(
    options: Rule = Rule(), backend: Backend? = nil, threads: Int? = nil
  ) throws(OptimizerError) {
    try options.validate()
    let backend = backend ?? (Rule.multipliesMatrices ? .default : .defaultForOptimizers)
    group = RuleGroup(options)
    engine = StepEngine(backend: backend, threads: threads ?? processorCount)
    self.backend = backend
  }

  /// The options.
  public var options: Rule { group.rule }

  /// Changes the options from the next step on.
  ///
  /// - Throws: `OptimizerError.invalidOption` if the change puts an option out of range, without changing any option.
  public func updateOptions(_ change: (inout Rule) -> Void) throws(OptimizerError) {
    try group.update(change)
  }

  /// Returns the state of a tensor of this shape and element type before its first step.
  public func initialState(shape: Shape, scalarType: ScalarType = .float32) -> Rule.State {
    group.rule.initialState(shape: shape, scalarType: scalarType.arithmeticType)
  }

  /// Updates one tensor.
  ///
  /// - Parameters:
  ///   - parameter: The tensor's elements in row-major order, which the step changes.
  ///   - gradient: The gradient's elements, in the same order.
  ///   - shape: The shape of both.
  ///   - gradientScale: The factor that the gradient is multiplied by as it is read.
  ///   - state: The tensor's state, which the step changes. Start with ``initialState(shape:scalarType:)``.
  ///   - nonFinitePolicy: The policy for a gradient that is not finite. If the step is skipped, the parameter and the state
  ///     are unchanged.
  /// - Returns: Whether the tensor was updated.
  /// - Throws: `OptimizerError`, without changing anything, for a state that does not fit or that holds NaN, infinity or
  ///   negative averages of squares; and if the policy requires an error.
  /// - Precondition: both spans have as many elements as `shape`.
  @discardableResult
  public func update<Value: TensorScalar, Gradient: TensorScalar>(
    _ parameter: inout MutableSpan<Value>, gradient: Span<Gradient>, shape: Shape,
    gradientScale: Double = 1, state: inout Rule.State, nonFinitePolicy: NonFinitePolicy = .propagate
  ) throws(OptimizerError) -> Bool {
    guard parameter.count == shape.elementCount && gradient.count == shape.elementCount else {
      fatalError(
        "The shape \(shape) needs \(shape.elementCount) elements, but the parameter has \(parameter.count) "
          + "and the gradient \(gradient.count)."
      )
    }
    return try parameter.withUnsafeMutableBytes { (parameter) throws(OptimizerError) in
      try gradient.withUnsafeBytes { (gradient) throws(OptimizerError) in
        // An empty span may have no address. Nothing is read or written there.
        let anywhere = UnsafeMutableRawPointer(bitPattern: 64)!
        return try update(
          parameter: parameter.baseAddress ?? anywhere, of: Value.scalarType,
          gradient: gradient.baseAddress ?? UnsafeRawPointer(anywhere), of: Gradient.scalarType, shape: shape,
          gradientScale: gradientScale, state: &state, nonFinitePolicy: nonFinitePolicy)
      }
    }
  }

  /// Updates one tensor in an array, in place.
  ///
  ///     try adafactor.update(
  ///       &weights[name]!, gradient: gradients[name]!, shape: shape,
  ///       state: &states[name]!)
  ///
  /// This is the same update as for spans.
  @discardableResult
  public func update<Value: TensorScalar, Gradient: TensorScalar>(
    _ parameter: inout [Value], gradient: [Gradient], shape: Shape, gradientScale: Double = 1,
    state: inout Rule.State, nonFinitePolicy: NonFinitePolicy = .propagate
  ) throws(OptimizerError) -> Bool {
    var span = parameter.mutableSpan
    return try update(
      &span, gradient: gradient.span, shape: shape, gradientScale: gradientScale, state: &state,
      nonFinitePolicy: nonFinitePolicy)
  }

  /// Updates one tensor in a buffer, in place.
  ///
  /// This is the same update as for spans.
  @discardableResult
  public func update<Value: TensorScalar, Gradient: TensorScalar>(
    _ parameter: UnsafeMutableBufferPointer<Value>, gradient: UnsafeBufferPointer<Gradient>, shape: Shape,
    gradientScale: Double = 1, state: inout Rule.State, nonFinitePolicy: NonFinitePolicy = .propagate
  ) throws(OptimizerError) -> Bool {
    var span = parameter.mutableSpan
    return try update(
      &span, gradient: gradient.span, shape: shape, gradientScale: gradientScale, state: &state,
      nonFinitePolicy: nonFinitePolicy)
  }

  /// Updates one tensor whose types are known only at run time.
  ///
  /// This is the same update as for spans, with elements at addresses of any alignment.
  ///
  /// - Parameters:
  ///   - parameter: The address of the tensor's elements in row-major order, which the step changes.
  ///   - scalarType: The type of the tensor's elements.
  ///   - gradient: The address of the gradient's elements, in the same order.
  ///   - gradientType: The type of the gradient's elements.
  ///   - shape: The shape of both.
  ///   - gradientScale: The factor that the gradient is multiplied by as it is read.
  ///   - state: The tensor's state, which the step changes. Start with ``initialState(shape:scalarType:)``.
  ///   - nonFinitePolicy: The policy for a gradient that is not finite.
  /// - Returns: Whether the tensor was updated.
  /// - Throws: `OptimizerError`, without changing anything, for a state that does not fit or that holds NaN, infinity or
  ///   negative averages of squares; and if the policy requires an error.
  /// - Precondition: the elements of `shape` can be read at both addresses and written at `parameter`, and no other code
  ///   uses them during the call.
  @discardableResult
  public func update(
    parameter: UnsafeMutableRawPointer, of scalarType: ScalarType, gradient: UnsafeRawPointer,
    of gradientType: ScalarType, shape: Shape, gradientScale: Double = 1, state: inout Rule.State,
    nonFinitePolicy: NonFinitePolicy = .propagate
  ) throws(OptimizerError) -> Bool {
    let name = "parameter"
    try group.rule.check(shape: shape, of: name)
    try group.rule.check(state, parameter: name, shape: shape, scalarType: scalarType)
    try group.rule.checkBeforeStep(state, parameter: name)
    // Checked once per state: after that, the policy decides which values steps may write to it.
    try state.checkValuesOnce(of: name)
    let key = Key(
      shape: shape, scalarType: scalarType, gradientType: gradientType,
      needsVerdict: nonFinitePolicy != .propagate)
    let batch =
      prepared[key]
      ?? StepBatch([
        AddressedItem(
          group.preparedStep(
            StepLayout(
              name: name, shape: shape, scalarType: scalarType, gradientType: gradientType,
              needsVerdict: key.needsVerdict, mayComeFromMemory: true),
            state: nil, kernels: engine.kernels, backend: backend))
      ])
    prepared[key] = batch
    let item = unsafeDowncast(batch.items[0], to: AddressedItem.self)
    item.tensor = SteppedTensor(
      parameter: MutableElements(parameter, scalarType), gradient: Elements(gradient, gradientType),
      gradientScale: gradientScale)
    move(&state, to: item.step)
    let nonFinite = try engine.run(batch, policy: nonFinitePolicy)
    state = item.step.anyState as! Rule.State
    item.step.anyState = nil
    if !nonFinite.isEmpty && nonFinitePolicy == .throwError {
      throw item.isWritten ? .infiniteParameter(parameter: name) : .nonFiniteGradient(parameter: name)
    }
    return item.isWritten
  }

  /// Moves a state into a step. A second reference to its tensors would make the step write to a copy.
  private func move(_ state: inout Rule.State, to step: any PreparedStep) {
    step.anyState = state
    state = Rule.State(step: 0, tensors: [:], numbers: [:])
  }
}

extension InPlaceUpdate: CustomStringConvertible {
  /// The name of the rule and its options.
  public var description: String { "\(Rule.name) (\(options))" }
}

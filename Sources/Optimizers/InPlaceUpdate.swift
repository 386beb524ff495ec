import Backends
import KernelInterface
import Tensors

/// The update of a rule in place on memory of your own, for programs that keep parameters and gradients in arrays.
///
/// It is the step of a ``RuleOptimizer``, one tensor at a time, without parameters and groups.
///
///     let adafactor = try InPlaceUpdate(options: Adafactor.Options(learningRate: .constant(1e-3)))
///     var state = adafactor.initialState(shape: [256, 64])
///     var weights = [Float](repeating: 0.1, count: 256 * 64)
///     …
///     try adafactor.update(&weights, gradient: gradient, shape: [256, 64], state: &state)
///
/// The elements may be in arrays, also those in a dictionary, in spans, in buffers, or at addresses.
///
/// Whatever does not change from step to step is prepared once per shape and pair of types, and kept together with the
/// memory of a step. Only one task may use it at a time.
public final class InPlaceUpdate<Rule: UpdateRule> {
  private let group: RuleGroup<Rule>
  private let engine: StepEngine
  private let backend: Backend
  private var prepared: [Key: StepBatch] = [:]

  /// The properties that a step is prepared for.
  private struct Key: Hashable {
    let shape: Shape
    let scalarType: ScalarType
    let gradientType: ScalarType
    let needsVerdict: Bool
  }

  /// Creates the update of a rule.
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
  /// - Throws: `OptimizerError.invalidOption` if an option is out of range afterwards, with the options as they were.
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
  ///   - state: The tensor's state, which the step changes; before the first step ``initialState(shape:scalarType:)``.
  ///   - nonFinitePolicy: The policy for a gradient that is not finite. If the step is skipped, parameter and state are
  ///     unchanged.
  /// - Returns: Whether the tensor was updated.
  /// - Throws: `OptimizerError` for a state that does not fit, or that holds NaN, infinity or negative averages of squares,
  ///   with nothing changed, and as the policy requires.
  /// - Precondition: both spans hold as many elements as `shape`.
  @discardableResult
  public func update<Value: TensorScalar, Gradient: TensorScalar>(
    _ parameter: inout MutableSpan<Value>, gradient: Span<Gradient>, shape: Shape,
    gradientScale: Double = 1, state: inout Rule.State, nonFinitePolicy: NonFinitePolicy = .propagate
  ) throws(OptimizerError) -> Bool {
    guard parameter.count == shape.elementCount && gradient.count == shape.elementCount else {
      fatalError(
        "A parameter of \(parameter.count) and a gradient of \(gradient.count) elements for the shape \(shape)."
      )
    }
    return try parameter.withUnsafeMutableBytes { (parameter) throws(OptimizerError) in
      try gradient.withUnsafeBytes { (gradient) throws(OptimizerError) in
        // An empty span may have no address; nothing is read or written there.
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
  ///     try adafactor.update(&weights[name]!, gradient: gradients[name]!, shape: shape, state: &states[name]!)
  ///
  /// It does the same as the update of spans.
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
  /// It does the same as the update of spans.
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
  /// It does the same as the update of spans, for elements at addresses of any alignment.
  ///
  /// - Parameters:
  ///   - parameter: The address of the tensor's elements in row-major order, which the step changes.
  ///   - scalarType: The type of the tensor's elements.
  ///   - gradient: The address of the gradient's elements, in the same order.
  ///   - gradientType: The type of the gradient's elements.
  ///   - shape: The shape of both.
  ///   - gradientScale: The factor that the gradient is multiplied by as it is read.
  ///   - state: The tensor's state, which the step changes; before the first step ``initialState(shape:scalarType:)``.
  ///   - nonFinitePolicy: The policy for a gradient that is not finite.
  /// - Returns: Whether the tensor was updated.
  /// - Throws: `OptimizerError` for a state that does not fit, or that holds NaN, infinity or negative averages of squares,
  ///   with nothing changed, and as the policy requires.
  /// - Precondition: the elements of `shape` can be read at both addresses, and written at `parameter`. No other code uses
  ///   them during the call.
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
    // Once per state: what steps of this update leave is decided by the policy.
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
    let nonFinite = engine.run(batch, policy: nonFinitePolicy)
    state = item.step.anyState as! Rule.State
    item.step.anyState = nil
    if !nonFinite.isEmpty && nonFinitePolicy == .throwError {
      throw item.isWritten ? .infiniteParameter(parameter: name) : .nonFiniteGradient(parameter: name)
    }
    return item.isWritten
  }

  /// Moves a state to a step. If another reference to its tensors existed, the step would write to a copy.
  private func move(_ state: inout Rule.State, to step: any PreparedStep) {
    step.anyState = state
    state = Rule.State(step: 0, tensors: [:], numbers: [:])
  }
}

extension InPlaceUpdate: CustomStringConvertible {
  /// The name of the rule and its options.
  public var description: String { "\(Rule.name) (\(options))" }
}

import Backends
import KernelInterface
import Tensors

/// One parameter of an optimizer: its prepared step, which holds the state, and the known sum of its squares.
final class ParameterSlot: StepItem {
  let parameter: Parameter
  /// The index among all parameters of the optimizer.
  let index: Int
  private let group: any AnyRuleGroup
  /// The shape, the types and the need for a check that the step is prepared for. The shape is nil before the first step.
  private var shape: Shape?
  private var types: (parameter: ScalarType, gradient: ScalarType) = (.float32, .float32)
  private var needsVerdict = false
  /// The gradient of this step. The parameter keeps its memory alive.
  private var gradient: Elements?
  /// Σ p² after the last step. The stamp identifies the memory that it was computed for, if any.
  private var squares = 0.0
  private var squaresStamp: MutationStamp?
  /// Whether the last step was written.
  private(set) var isWritten = false

  init(_ parameter: Parameter, group: any AnyRuleGroup, index: Int) {
    self.parameter = parameter
    self.group = group
    self.index = index
    super.init(NoStep())
  }

  /// The state; nil before the first step.
  var state: (any ParameterState)? {
    get { step.anyState }
    set {
      step.anyState = newValue
      // The state was checked for the current parameter, but the step may be prepared for an earlier shape.
      shape = nil
    }
  }

  override var shard: TensorShard? { parameter.shard }

  /// The numbers that the next step depends on in addition to the options: ranks that share the parameter must have the same.
  var facts: [(name: String, value: UInt64)] {
    func rates(_ group: some AnyRuleGroup) -> [Double] {
      [group.rule.learningRate.constant ?? .nan, group.rule.weightDecay]
    }
    let rates = rates(group)
    return [
      ("the step of \"\(parameter.name)\"", UInt64(bitPattern: Int64(state?.step ?? 0))),
      ("the learning rate of \"\(parameter.name)\"", rates[0].bitPattern),
      ("the weight decay of \"\(parameter.name)\"", rates[1].bitPattern),
      ("the gradient scale of \"\(parameter.name)\"", parameter.gradientScale.bitPattern),
    ]
  }

  /// Returns whether the parameter has a gradient, and the step is prepared for the current parameter and gradient.
  func isPrepared(needsVerdict: Bool) -> Bool {
    guard let gradient = parameter.gradient else { return false }
    self.gradient = gradient.elements
    return gradient.shape == shape && gradient.scalarType == types.gradient
      && needsVerdict == self.needsVerdict && parameter.value.shape == shape
      && parameter.value.scalarType == types.parameter
  }

  /// Prepares the step for the current shapes and types of parameter and gradient, unless it is already prepared for them.
  ///
  /// - Throws: `OptimizerError` for a gradient that does not fit the parameter, and for a parameter that no longer fits its
  ///   state.
  func prepare(
    gradient: Tensor, needsVerdict: Bool, mayComeFromMemory: Bool, engine: StepEngine, backend: Backend
  ) throws(OptimizerError) {
    if isPrepared(needsVerdict: needsVerdict) { return }
    let (shape, scalarType) = (parameter.value.shape, parameter.value.scalarType)
    if gradient.shape != shape {
      throw .gradientShape(parameter: parameter.name, shape: shape, gradient: gradient.shape)
    }
    let layout = StepLayout(
      name: parameter.name, shape: shape, scalarType: scalarType, gradientType: gradient.scalarType,
      needsVerdict: needsVerdict, mayComeFromMemory: mayComeFromMemory, shard: parameter.shard)
    if let shard = parameter.shard {
      if shard.shape != shape {
        throw .unsupportedShape(
          parameter: parameter.name, shape: shape,
          reason: "it is a part of the shape \(shard.shape) of a tensor of the shape \(shard.wholeShape)")
      }
      if layout.isShared && engine.reducer == nil { throw .notShared(parameter: parameter.name) }
      if layout.isShared && !group.stepsShards {
        throw .unsupportedShape(
          parameter: parameter.name, shape: shard.wholeShape,
          reason: "several ranks hold a part of it, but this rule needs whole tensors")
      }
    }
    func checkShape(_ group: some AnyRuleGroup) throws(OptimizerError) {
      try group.rule.check(shape: shape, of: parameter.name)
    }
    try checkShape(group)
    let state = state
    if let state {
      try check(state)
      try checkBeforeStep(state)
    }
    replaceStep(group.preparedStep(layout, state: state, kernels: engine.kernels, backend: backend))
    engine.replacementCount += 1
    self.shape = shape
    types = (scalarType, gradient.scalarType)
    self.needsVerdict = needsVerdict
  }

  /// Throws an error for a state that this parameter cannot have.
  func check(_ state: any ParameterState) throws(OptimizerError) {
    func check<Group: AnyRuleGroup>(_ group: Group) throws(OptimizerError) {
      guard let state = state as? Group.Rule.State else {
        throw .invalidOption(
          name: "The state of \"\(parameter.name)\"", value: "a \(type(of: state))",
          requirement: "it must be a \(Group.Rule.State.self), which \(Group.Rule.name) has")
      }
      try group.rule.check(
        state, parameter: parameter.name, shape: parameter.value.shape,
        scalarType: parameter.value.scalarType)
    }
    try check(group)
  }

  /// Throws an error if no step can be taken from a state that fits the parameter.
  private func checkBeforeStep(_ state: any ParameterState) throws(OptimizerError) {
    func check<Group: AnyRuleGroup>(_ group: Group) throws(OptimizerError) {
      try group.rule.checkBeforeStep(state as! Group.Rule.State, parameter: parameter.name)
    }
    try check(group)
  }

  /// Throws an error if this parameter cannot continue from a state, which includes a state with impossible values.
  func checkRestored(_ state: any ParameterState) throws(OptimizerError) {
    try check(state)
    try (state as? any AveragingState)?.checkValues(of: parameter.name)
  }

  override func begin() {
    let (elements, before, after) = parameter.value.mutableElementsWithStamps()
    let isKnown = squaresStamp != nil && before == squaresStamp
    squaresStamp = after
    step.begin(
      SteppedTensor(
        parameter: elements, gradient: gradient!, gradientScale: parameter.gradientScale,
        squaresBefore: isKnown ? squares : nil, owner: parameter))
  }

  override func end(isWritten: Bool) {
    let step = step
    self.isWritten = isWritten
    if isWritten {
      step.commit()
      if let sum = step.squaresAfter { squares = sum } else { squaresStamp = nil }
    } else {
      step.discard()
      squaresStamp = nil
    }
  }
}

/// The step before the first one. It holds a state that was restored before any step.
final class NoStep: PreparedStep {
  var anyState: (any ParameterState)?
  var elementCount: Int { 0 }
  var phaseCount: Int { 0 }
  var firstWritingPhase: Int { 0 }
  func begin(_ tensor: SteppedTensor) {}
  func commit() {}
  func discard() {}
  func taskCount(in phase: Int) -> Int { 0 }
  func run(_ task: Int, in phase: Int, scratch: UnsafeMutableRawPointer) {}
  func finish(_ phase: Int, kernels: KernelTable) -> StepVerdict { .proceed }
}

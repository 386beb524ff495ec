import Backends
import KernelInterface
import Tensors

/// One parameter of an optimizer: its prepared step, which holds the state, and the known sum of its squares.
final class ParameterSlot: StepItem {
  let parameter: Parameter
  /// The index among all parameters of the optimizer.
  let index: Int
  private let group: any AnyRuleGroup
  /// The layout that the step is prepared for; nil before the first step.
  private var layout: StepLayout?
  /// Σ p² as the last step left it, and the memory that it holds for.
  private var squares: (sum: Double, stamp: MutationStamp)?
  /// The batch of this parameter only, for steps of single parameters.
  var aloneBatch = StepBatch([])
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
    set { step.anyState = newValue }
  }

  /// Prepares the step for the current shapes and types of parameter and gradient, unless it is prepared for them already.
  ///
  /// - Returns: Whether there is a new step.
  /// - Throws: `OptimizerError` for a gradient that does not fit the parameter, and for a parameter that no longer fits its
  ///   state.
  func prepare(
    gradient: Tensor, needsVerdict: Bool, mayComeFromMemory: Bool, kernels: KernelTable, backend: Backend
  ) throws(OptimizerError) -> Bool {
    let shape = parameter.value.shape
    if gradient.shape != shape {
      throw .gradientShape(parameter: parameter.name, shape: shape, gradient: gradient.shape)
    }
    if let layout, layout.scalarType == parameter.value.scalarType, layout.gradientType == gradient.scalarType,
      layout.needsVerdict == needsVerdict, layout.shape == shape
    {
      return false
    }
    let layout = StepLayout(
      name: parameter.name, shape: shape, scalarType: parameter.value.scalarType,
      gradientType: gradient.scalarType, needsVerdict: needsVerdict, mayComeFromMemory: mayComeFromMemory)
    let state = state
    if let state { try check(state) }
    replaceStep(group.preparedStep(layout, state: state, kernels: kernels, backend: backend))
    self.layout = layout
    return true
  }

  /// Returns whether a state has the type of this parameter's rule.
  func accepts(_ state: any ParameterState) -> Bool {
    func accepts<Group: AnyRuleGroup>(_: Group) -> Bool { state is Group.Rule.State }
    return accepts(group)
  }

  /// Throws an error for a state that this parameter cannot have.
  ///
  /// - Precondition: it is of the kind that the parameter's rule has.
  func check(_ state: any ParameterState) throws(OptimizerError) {
    func check<Group: AnyRuleGroup>(_ group: Group) throws(OptimizerError) {
      guard let state = state as? Group.Rule.State else {
        preconditionFailure("a state of \(type(of: state)) for \(parameter.name), whose rule is \(Group.Rule.name)")
      }
      try group.rule.check(
        state, parameter: parameter.name, shape: parameter.value.shape,
        scalarType: parameter.value.scalarType)
    }
    try check(group)
  }

  override func begin() {
    var known: Double?
    // Compared before the memory is asked for to write, which ends the stamp.
    if let squares, squares.stamp == parameter.value.mutationStamp { known = squares.sum }
    step.begin(
      SteppedTensor(
        parameter: parameter.value.mutableElements(), gradient: parameter.gradient!.elements,
        gradientScale: parameter.gradientScale, squaresBefore: known, owner: parameter))
  }

  override func end(isWritten: Bool) {
    super.end(isWritten: isWritten)
    self.isWritten = isWritten
    guard isWritten else { return }
    squares = nil
    if let sum = step.squaresAfter, let stamp = parameter.value.mutationStamp { squares = (sum, stamp) }
  }
}

/// The step before there is one: it holds a state that was restored before the first step.
private final class NoStep: PreparedStep {
  var anyState: (any ParameterState)?
  var squaresAfter: Double? { nil }
  var elementCount: Int { 0 }
  var phaseCount: Int { 0 }
  var firstWritingPhase: Int { 0 }
  var workspaceByteCount: Int { 0 }
  var scratchByteCount: Int { 0 }
  func begin(_ tensor: SteppedTensor) {}
  func commit() {}
  func discard() {}
  func bindWorkspace(_ address: UnsafeMutableRawPointer) {}
  func taskCount(in phase: Int) -> Int { 0 }
  func run(_ task: Int, in phase: Int, scratch: UnsafeMutableRawPointer) {}
  func foldCount(in phase: Int) -> Int { 0 }
  func fold(_ part: Int, in phase: Int) {}
  func reduction(after phase: Int) -> UnsafeMutableBufferPointer<Double> { .init(start: nil, count: 0) }
  func finish(_ phase: Int, kernels: KernelTable) -> StepVerdict { .proceed }
}

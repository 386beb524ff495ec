import KernelInterface
import Schedules
import Tensors

/// What every optimizer does alike: keeps parameter groups and states, checks what it is given, and runs the steps.
final class OptimizerCore<Rule: UpdateRule> {
  /// The parameter groups, in the order they were given.
  private(set) var groups: [ParameterGroup<Rule>]
  /// What happens to a parameter whose gradient is not finite.
  var policy: NonFinitePolicy
  /// The backend.
  let backend: Backend
  /// Threads that a step uses at the most.
  let threads: Int

  /// What is kept for each parameter, in the order of groups and parameters.
  private var entries: ContiguousArray<Entry> = []
  /// Where a parameter's entry is.
  private var indices: [ObjectIdentifier: Int] = [:]
  private let engine: StepEngine
  /// Whether parameters and gradients are too many for a second-level cache.
  private let mayComeFromMemory: Bool

  /// Elements of all parameters up to which a second-level cache of 1 MB holds them with their gradients.
  private static var mostCachedElements: Int { 1 << 17 }

  /// What is kept for one parameter. A class: a copy would hold the state a second time.
  private final class Entry {
    let parameter: Parameter
    let group: Int
    var state: Rule.State?
    /// Σ p² as the last step left it, and the memory it holds for.
    var squares: (sum: Double, stamp: MutationStamp)?

    init(parameter: Parameter, group: Int) {
      self.parameter = parameter
      self.group = group
    }

    /// Refuses a gradient that does not fit the parameter, and a parameter that no longer fits its state.
    func check() throws(OptimizerError) {
      try checkGradient(of: parameter)
      try state?.check(
        parameter: parameter.name, shape: parameter.value.shape, scalarType: parameter.value.scalarType)
    }

    /// What is in `state` now.
    var contents: StateContents {
      StateContents(
        exists: state != nil, hasOptionalMoments: state?.optionalMoments != nil,
        hasResidual: state?.residual != nil)
    }

    /// Takes back what a step that was not made had added.
    func restore(_ contents: StateContents) {
      if !contents.exists { state = nil }
      if !contents.hasOptionalMoments { state?.optionalMoments = nil }
      if !contents.hasResidual { state?.residual = nil }
    }
  }

  /// What a state holds.
  private struct StateContents {
    let exists: Bool
    let hasOptionalMoments: Bool
    let hasResidual: Bool
  }

  init(
    groups: [ParameterGroup<Rule>], policy: NonFinitePolicy, backend: Backend, threads: Int?
  ) throws(OptimizerError) {
    try checkGroups(groups)
    for group in groups { try group.options.validate() }
    let threads = threads ?? processorCount
    precondition(threads >= 1, "an optimizer needs at least one thread, not \(threads)")
    self.groups = groups
    self.policy = policy
    self.backend = backend
    self.threads = threads
    engine = StepEngine(backend: backend, threads: threads)
    let elements = groups.reduce(0) { $0 + $1.parameters.reduce(0) { $0 + $1.value.elementCount } }
    mayComeFromMemory = elements > Self.mostCachedElements
    for (group, members) in groups.enumerated() {
      for parameter in members.parameters {
        indices[ObjectIdentifier(parameter)] = entries.count
        entries.append(Entry(parameter: parameter, group: group))
      }
    }
  }

  /// All parameters, group by group.
  var parameters: [Parameter] { entries.map(\.parameter) }

  // MARK: Options

  /// Changes the options of a group from the next step on, or leaves them as they were.
  func updateOptions(
    ofGroup index: Int, _ change: (inout Rule) -> Void
  ) throws(OptimizerError) {
    guard groups.indices.contains(index) else { throw .noGroup(index: index, count: groups.count) }
    var options = groups[index].options
    change(&options)
    try options.validate()
    groups[index].options = options
  }

  /// Returns a hyperparameter of a group, or nil if the group computes it itself.
  func value(of hyperparameter: Hyperparameter, inGroup index: Int) -> Double? {
    switch hyperparameter {
    case .learningRate: groups[index].options.scheduledRate
    case .weightDecay: groups[index].options.weightDecay
    }
  }

  /// Sets a hyperparameter of a group.
  func setValue(_ value: Double, of hyperparameter: Hyperparameter, inGroup index: Int) {
    do {
      try updateOptions(ofGroup: index) {
        switch hyperparameter {
        case .learningRate: $0.setScheduledRate(value)
        case .weightDecay: $0.weightDecay = value
        }
      }
    } catch {
      preconditionFailure("group \(index): \(error)")
    }
  }

  /// The rate of each group; nil where the group has none to set.
  var learningRates: [Double?] {
    get { groups.map(\.options.scheduledRate) }
    set { set(newValue, of: "learning rate") { $0.setScheduledRate($1) } }
  }

  /// The weight decay of each group.
  var weightDecays: [Double?] {
    get { groups.map(\.options.weightDecay) }
    set { set(newValue, of: "weight decay") { $0.weightDecay = $1 } }
  }

  /// Gives each group its value of an option; nil leaves a group as it is.
  private func set(_ values: [Double?], of name: String, _ set: (inout Rule, Double) -> Void) {
    precondition(values.count == groups.count, "\(values.count) values of \(name) for \(groups.count) groups")
    for (index, value) in values.enumerated() {
      guard let value else { continue }
      do {
        try updateOptions(ofGroup: index) { set(&$0, value) }
      } catch {
        preconditionFailure("group \(index): \(error)")
      }
    }
  }

  // MARK: States

  /// Where a parameter's entry is; nil for parameters of other optimizers.
  private func index(of parameter: Parameter) -> Int? { indices[ObjectIdentifier(parameter)] }

  /// What is remembered of a parameter; nil before its first step and for parameters of other optimizers.
  func state(of parameter: Parameter) -> Rule.State? {
    index(of: parameter).flatMap { entries[$0].state }
  }

  /// Goes on from a state that was taken elsewhere; nil forgets the parameter's.
  func setState(_ state: Rule.State?, of parameter: Parameter) throws(OptimizerError) {
    guard let index = index(of: parameter) else { throw .unknownParameter(name: parameter.name) }
    try state?.check(
      parameter: parameter.name, shape: parameter.value.shape, scalarType: parameter.value.scalarType)
    entries[index].state = state
  }

  /// Bytes held for what a step hands from phase to phase.
  var workspaceByteCount: Int { engine.workspaceByteCount }

  /// Bytes of all states.
  var stateByteCount: Int { entries.reduce(0) { $0 + ($1.state?.byteCount ?? 0) } }

  // MARK: Stepping

  /// Updates every parameter that has a gradient.
  func step() throws(OptimizerError) -> StepReport {
    try step(entries.filter { $0.parameter.gradient != nil })
  }

  /// Updates one parameter.
  func step(_ parameter: Parameter, releasingGradient: Bool) throws(OptimizerError) -> StepReport {
    guard let index = index(of: parameter) else { throw .unknownParameter(name: parameter.name) }
    try checkSteppingAlone(parameter, policy: policy)
    guard parameter.gradient != nil else { throw .noGradient(parameter: parameter.name) }
    let report = try step([entries[index]])
    if releasingGradient { parameter.gradient = nil }
    return report
  }

  /// Updates the parameters of these entries, each of which has a gradient.
  private func step(_ stepped: ContiguousArray<Entry>) throws(OptimizerError) -> StepReport {
    for entry in stepped { try entry.check() }
    let contents = stepped.map(\.contents)
    var steps = ContiguousArray<Rule.Step>()
    steps.reserveCapacity(stepped.count)
    for entry in stepped { steps.append(nextStep(of: entry)) }
    let nonFinite = engine.run(&steps, policy: policy)
    var steppedCount = 0
    for (index, entry) in stepped.enumerated() {
      if steps[index].isFinished {
        steppedCount += 1
        finish(entry, after: steps[index])
      } else {
        entry.restore(contents[index])
      }
    }
    let names = nonFinite.map { stepped[$0].parameter.name }
    if policy == .throwError, let name = names.first { throw .nonFiniteGradient(parameter: name) }
    return StepReport(steppedCount: steppedCount, nonFinite: names)
  }

  /// The phases of a parameter's next step, with a state to begin with if it is the first.
  private func nextStep(of entry: Entry) -> Rule.Step {
    let (parameter, rule) = (entry.parameter, groups[entry.group].options)
    let (shape, type) = (parameter.value.shape, parameter.value.scalarType)
    var known: Double?
    // Compared before the memory is asked for to write, which ends the stamp.
    if let squares = entry.squares, squares.stamp == parameter.value.mutationStamp { known = squares.sum }
    // Taken out of the entry: a second holder of the moments would make the step write to a copy.
    var state = entry.state.take() ?? rule.initialState(shape: shape, scalarType: type)
    rule.addMissingMoments(to: &state, shape: shape, scalarType: type)
    defer { entry.state = state }
    return rule.step(
      of: SteppedTensor(
        name: parameter.name, parameter: parameter.value.mutableElements(),
        gradient: parameter.gradient!.elements,
        gradientScale: parameter.gradientScale, shape: shape, squaresBefore: known,
        mayComeFromMemory: mayComeFromMemory,
        needsDecision: policy != .propagate),
      state: &state)
  }

  /// Takes note of a step that was written.
  private func finish(_ entry: Entry, after step: Rule.Step) {
    groups[entry.group].options.finish(&entry.state!, after: step)
    entry.squares = nil
    if let squares = step.squaresAfter, let stamp = entry.parameter.value.mutationStamp {
      entry.squares = (squares, stamp)
    }
  }
}

import Kernels
import Tensors

/// Adafactor: P ← P − α U / max(1, RMS(U)/d), with U = G / √(R C / mean R) from factored second moments R and C.
///
/// For a parameter P with gradient G (n × m) at step t, counted from 1:
///
///     β  = 1 − t^decayRate
///     Rᵢ ← β Rᵢ + (1−β)(Σⱼ g²ᵢⱼ / m + ε₁)            row second moments
///     Cⱼ ← β Cⱼ + (1−β)(Σᵢ g²ᵢⱼ / n + ε₁)            column second moments
///     uᵢⱼ = gᵢⱼ / √(Rᵢ Cⱼ / mean R)                  the update; gᵢ / √vᵢ for vectors and scalars
///     α  = rate · max(ε₂, RMS(P))                    the step size
///     P  ← P − weightDecay · α · P − α U / max(1, RMS(U)/d)
///
/// With `beta1`, M ← beta1·M + (1−beta1)·α U / max(1, RMS(U)/d) takes the place of the last term. A tensor of more than two axes
/// keeps R and C for each of its trailing matrices, while RMS(U), RMS(P) and the clipping belong to all of it.
///
///     let optimizer = try Adafactor(model.parameters, options: .init(stepSize: .fixed(1e-3), scaleParameter: false))
///     for batch in batches {
///       model.setGradients(for: batch)
///       try optimizer.step()
///     }
///
/// Results are those of `transformers.Adafactor`, and have the same bits for any number of threads. The gradient is
/// read twice and nothing of its size is allocated. Where this differs from other implementations:
/// - The factors of U are multiplied in an order that cannot overflow: where a row of zeros meets rows of 1e8 and more,
///   the reference makes the tensor NaN and this does not.
/// - PyTorch's `Adafactor` limits the relative step by `lr`, decays weights by `lr` and not by α, and has no `beta1`;
///   optax's clips and scales in another order. Their settings don't carry over unchanged.
///
/// Reference: Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost" (2018),
/// arXiv:1804.04235.
public final class Adafactor {
  /// The parameter groups, in the order they were given.
  public private(set) var groups: [ParameterGroup<Options>]

  /// What happens to a parameter whose gradient is not finite.
  public var nonFinitePolicy: NonFinitePolicy

  /// The kernel path.
  public let kernels: KernelPathKind

  /// Threads that a step uses at the most.
  public let threads: Int

  /// What is kept for each parameter, in the order of groups and parameters.
  private var entries: ContiguousArray<Entry>

  private let engine: StepEngine

  /// What a state holds.
  private enum StateContents { case nothing, secondMoments, everything }

  /// What is kept for one parameter.
  private struct Entry {
    let parameter: Parameter
    let group: Int
    var state: State?
    /// Σ p² as the last step left it, and the memory it holds for.
    var squares: (sum: Double, stamp: MutationStamp)?

    /// Refuses a gradient that does not fit the parameter, and a parameter that no longer fits its state.
    func check() throws(OptimizerError) {
      try checkGradient(of: parameter)
      try state?.check(
        parameter: parameter.name, shape: parameter.value.shape, scalarType: parameter.value.scalarType)
    }

    /// What is in `state` now.
    var contents: StateContents {
      guard let state else { return .nothing }
      return state.firstMoments == nil ? .secondMoments : .everything
    }

    /// Takes back what a step that was not made had added.
    mutating func restore(_ contents: StateContents) {
      switch contents {
      case .nothing: state = nil
      case .secondMoments: state?.firstMoments = nil
      case .everything: break
      }
    }
  }

  /// An optimizer of one group.
  ///
  /// - Parameters:
  ///   - parameters: At least one; each once, with a name of its own.
  ///   - options: What applies to all of them.
  ///   - nonFinitePolicy: What happens to a parameter whose gradient is not finite.
  ///   - kernels: The kernel path, one of `KernelPathKind.available`.
  ///   - threads: Threads that a step uses at the most; nil for as many as there are processors.
  /// - Throws: `OptimizerError` for options out of range, no parameters, a parameter or a name given twice.
  public convenience init(
    _ parameters: [Parameter], options: Options = Options(), nonFinitePolicy: NonFinitePolicy = .propagate,
    kernels: KernelPathKind = .current, threads: Int? = nil
  ) throws(OptimizerError) {
    try self.init(
      groups: [ParameterGroup(parameters, options: options)], nonFinitePolicy: nonFinitePolicy,
      kernels: kernels,
      threads: threads)
  }

  /// An optimizer of several groups, each with options of its own.
  public init(
    groups: [ParameterGroup<Options>], nonFinitePolicy: NonFinitePolicy = .propagate,
    kernels: KernelPathKind = .current, threads: Int? = nil
  ) throws(OptimizerError) {
    try checkGroups(groups)
    for group in groups { try group.options.validate() }
    let threads = threads ?? processorCount
    precondition(threads >= 1, "an optimizer needs at least one thread, not \(threads)")
    self.groups = groups
    self.nonFinitePolicy = nonFinitePolicy
    self.kernels = kernels
    self.threads = threads
    engine = StepEngine(kernels: kernels, threads: threads)
    entries = []
    for (index, group) in groups.enumerated() {
      for parameter in group.parameters { entries.append(Entry(parameter: parameter, group: index)) }
    }
  }

  /// Changes the options of a group from the next step on.
  ///
  /// - Throws: `OptimizerError.invalidOption`, with the options as they were, if they end up out of range; `noGroup`.
  public func updateOptions(
    ofGroup index: Int, _ change: (inout Options) -> Void
  ) throws(OptimizerError) {
    guard groups.indices.contains(index) else { throw .noGroup(index: index, count: groups.count) }
    var options = groups[index].options
    change(&options)
    try options.validate()
    groups[index].options = options
  }

  /// What is remembered of a parameter; nil before its first step and for parameters of other optimizers.
  public func state(of parameter: Parameter) -> State? {
    entries.first { $0.parameter === parameter }?.state
  }

  /// Goes on from a state that was taken elsewhere; nil forgets the parameter's.
  ///
  /// - Throws: `OptimizerError`, with everything as it was, for a parameter of another optimizer and for moments whose
  ///   shapes or types don't fit the parameter.
  public func setState(_ state: State?, of parameter: Parameter) throws(OptimizerError) {
    guard let index = entries.firstIndex(where: { $0.parameter === parameter }) else {
      throw .unknownParameter(name: parameter.name)
    }
    try state?.check(
      parameter: parameter.name, shape: parameter.value.shape, scalarType: parameter.value.scalarType)
    entries[index].state = state
  }

  /// Bytes of optimizer state held.
  public var stateByteCount: Int {
    entries.reduce(0) { $0 + ($1.state?.byteCount ?? 0) }
  }

  /// Bytes held beside the state, for what a step hands from phase to phase.
  package var workspaceByteCount: Int { engine.workspaceByteCount }

  /// Computes the loss and gradients with `closure`, then steps.
  ///
  /// - Returns: What the closure returned.
  @discardableResult
  public func step<Loss>(_ closure: () throws -> Loss) throws -> Loss {
    let loss = try closure()
    try step()
    return loss
  }

  /// Updates every parameter that has a gradient. Others stay as they are, their step count too.
  ///
  /// - Returns: What was done.
  /// - Throws: `OptimizerError` for a gradient whose shape or type does not fit, and for a parameter that got another shape
  ///   or type than its state, before anything has changed; and as
  ///   ``nonFinitePolicy`` says.
  @discardableResult
  public func step() throws(OptimizerError) -> StepReport {
    let stepped = entries.indices.filter { entries[$0].parameter.gradient != nil }
    for index in stepped { try entries[index].check() }
    let contents = stepped.map { entries[$0].contents }

    var steps = ContiguousArray<AdafactorStep>()
    steps.reserveCapacity(stepped.count)
    for index in stepped { steps.append(adafactorStep(of: &entries[index])) }
    let nonFinite = engine.run(&steps, policy: nonFinitePolicy)
    var steppedCount = 0
    for ((index, step), contents) in zip(zip(stepped, steps), contents) {
      if let squares = step.squaresAfter {
        steppedCount += 1
        entries[index].state!.advance(step.decision!)
        entries[index].squares = entries[index].parameter.value.mutationStamp.map { (squares, $0) }
      } else {
        entries[index].restore(contents)
      }
    }
    let names = nonFinite.map { entries[stepped[$0]].parameter.name }
    if nonFinitePolicy == .throwError, let name = names.first { throw .nonFiniteGradient(parameter: name) }
    return StepReport(steppedCount: steppedCount, nonFinite: names)
  }

  /// The phases of a parameter's next step, with a state to begin with if it is the first.
  private func adafactorStep(of entry: inout Entry) -> AdafactorStep {
    let (parameter, options) = (entry.parameter, groups[entry.group].options)
    let (shape, type) = (parameter.value.shape, parameter.value.scalarType)
    var known: Double?
    if let squares = entry.squares, squares.stamp == parameter.value.mutationStamp { known = squares.sum }
    var state =
      entry.state.take() ?? State(shape: shape, scalarType: type, hasFirstMoments: options.beta1 != nil)
    if options.beta1 != nil && state.firstMoments == nil {
      state.firstMoments = Tensor(zeros: shape, as: type.arithmeticType)
    }
    defer { entry.state = state }
    return options.adafactorStep(
      parameter: parameter.value.mutableElements(), gradient: parameter.gradient!.elements,
      gradientScale: parameter.gradientScale,
      shape: shape, state: &state, squaresBefore: known)
  }
}

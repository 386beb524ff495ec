import KernelInterface
import Schedules
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
///   optax's factors the two longest axes, from a length of 128 on, and does not multiply the decay by a rate. Their
///   settings don't carry over unchanged: <doc:AdafactorExplained> compares them.
///
/// Reference: Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost" (2018),
/// arXiv:1804.04235.
public final class Adafactor {
  private let core: OptimizerCore<Options>

  /// An optimizer of one group.
  ///
  /// - Parameters:
  ///   - parameters: At least one; each once, with a name of its own.
  ///   - options: What applies to all of them.
  ///   - nonFinitePolicy: What happens to a parameter whose gradient is not finite.
  ///   - backend: The backend, one of `Backend.available`.
  ///   - threads: Threads that a step uses at the most; nil for as many as there are processors.
  /// - Throws: `OptimizerError` for options out of range, no parameters, a parameter or a name given twice.
  public convenience init(
    _ parameters: [Parameter], options: Options = Options(), nonFinitePolicy: NonFinitePolicy = .propagate,
    backend: Backend = .defaultForOptimizers, threads: Int? = nil
  ) throws(OptimizerError) {
    try self.init(
      groups: [ParameterGroup(parameters, options: options)], nonFinitePolicy: nonFinitePolicy,
      backend: backend,
      threads: threads)
  }

  /// An optimizer of several groups, each with options of its own.
  ///
  /// - Throws: ``OptimizerError``, as the initializer of one group does.
  public init(
    groups: [ParameterGroup<Options>], nonFinitePolicy: NonFinitePolicy = .propagate,
    backend: Backend = .defaultForOptimizers, threads: Int? = nil
  ) throws(OptimizerError) {
    core = try OptimizerCore(
      groups: groups, policy: nonFinitePolicy, backend: backend, threads: threads)
  }

  /// The parameter groups, in the order they were given.
  public var groups: [ParameterGroup<Options>] { core.groups }

  /// The backend.
  public var backend: Backend { core.backend }

  /// Threads that a step uses at the most.
  public var threads: Int { core.threads }

  /// Bytes held beside the state, for what a step hands from phase to phase.
  package var workspaceByteCount: Int { core.workspaceByteCount }

  /// Changes the options of a group from the next step on.
  ///
  /// - Throws: `OptimizerError.invalidOption`, with the options as they were, if they end up out of range; `noGroup`.
  public func updateOptions(
    ofGroup index: Int, _ change: (inout Options) -> Void
  ) throws(OptimizerError) {
    try core.updateOptions(ofGroup: index, change)
  }

  /// What is remembered of a parameter; nil before its first step and for parameters of other optimizers.
  public func state(of parameter: Parameter) -> State? { core.state(of: parameter) }

  /// Goes on from a state that was taken elsewhere; nil forgets the parameter's.
  ///
  /// - Throws: `OptimizerError`, with everything as it was, for a parameter of another optimizer and for moments whose
  ///   shapes or types don't fit the parameter.
  public func setState(_ state: State?, of parameter: Parameter) throws(OptimizerError) {
    try core.setState(state, of: parameter)
  }
}

extension Adafactor: Optimizer {
  /// All parameters, group by group, in the order they were given.
  public var parameters: [Parameter] { core.parameters }

  /// Parameter groups.
  public var groupCount: Int { core.groups.count }

  /// What happens to a parameter whose gradient is not finite.
  public var nonFinitePolicy: NonFinitePolicy {
    get { core.policy }
    set { core.policy = newValue }
  }

  /// Bytes of optimizer state held.
  public var stateByteCount: Int { core.stateByteCount }

  /// The rate of each group; nil where it takes relative steps, which no schedule may drive.
  ///
  /// A rate is set from the next step on. Setting the rate of a group with relative steps is a mistake that traps.
  public var learningRates: [Double?] {
    get { core.learningRates }
    set { core.learningRates = newValue }
  }

  /// The weight decay of each group.
  public var weightDecays: [Double?] {
    get { core.weightDecays }
    set { core.weightDecays = newValue }
  }

  /// Returns a hyperparameter of a group, or nil if the group computes it itself.
  public func value(of hyperparameter: Hyperparameter, inGroup index: Int) -> Double? {
    core.value(of: hyperparameter, inGroup: index)
  }

  /// Sets a hyperparameter of a group from the next step on.
  public func setValue(_ value: Double, of hyperparameter: Hyperparameter, inGroup index: Int) {
    core.setValue(value, of: hyperparameter, inGroup: index)
  }

  /// Updates every parameter that has a gradient. Others stay as they are, their step count too.
  ///
  /// - Throws: ``OptimizerError`` for a gradient that does not fit its parameter, before anything has changed,
  ///   and as ``nonFinitePolicy`` says.
  @discardableResult
  public func step() throws(OptimizerError) -> StepReport { try core.step() }

  /// Updates one parameter as soon as its gradient exists: see ``Optimizer/step(_:releasingGradient:)``.
  ///
  /// - Throws: ``OptimizerError``, with everything as it was.
  @discardableResult
  public func step(_ parameter: Parameter, releasingGradient: Bool) throws(OptimizerError) -> StepReport {
    try core.step(parameter, releasingGradient: releasingGradient)
  }
}

import KernelInterface
import Schedules
import Tensors

/// AdamW: P ← P − lr·weightDecay·P − lr · m̂ / (√v̂ + ε), with averages m and v of gradients and their squares.
///
/// For a parameter P with gradient G at step t, counted from 1, element by element:
///
///     m ← β₁ m + (1−β₁) g                        [exp_avg]
///     v ← β₂ v + (1−β₂) g²                       [exp_avg_sq]
///     m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)      with `correctsBias`; m and v themselves without
///     P ← P − lr·weightDecay·P − lr · m̂ / (√v̂ + ε)
///
/// With `amsgrad` the largest v so far takes the place of v in v̂; with `maximize` g is −G.
///
///     let optimizer = try AdamW(model.parameters, options: .init(learningRate: 3e-4, weightDecay: 0.1))
///     for batch in batches {
///       model.setGradients(for: batch)
///       try optimizer.step()
///     }
///
/// Results are those of `torch.optim.AdamW`, and have the same bits for any number of threads. Parameter, gradient and
/// both moments are read once and written once. Where this differs from other implementations:
/// - 16-bit parameters keep their moments in Float32; torch keeps them in the parameter's type.
/// - The decay is taken off as lr·weightDecay·P; torch multiplies P by 1 − lr·weightDecay rounded to Float, which for
///   lr·weightDecay = 10⁻⁵ is off by up to 0.3 % of the decay.
/// - ε is added after the bias correction, as in torch and optax; TensorFlow adds it before, so that its ε is the larger
///   one by 1/√(1 − β₂ᵗ).
/// - Without bias correction this is BERT's: its decay counts from P before the update, too.
///
/// A policy other than `propagate` reads each gradient once before the update, and calls it not finite where a square
/// overflows. With `propagate` no gradient is looked at beforehand, and the report names none.
///
/// Reference: Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019), arXiv:1711.05101; AMSGrad: Reddi,
/// Kale and Kumar, "On the Convergence of Adam and Beyond" (2018), arXiv:1904.09237.
public final class AdamW {
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
      backend: backend, threads: threads)
  }

  /// An optimizer of several groups, each with options of its own.
  ///
  /// - Throws: ``OptimizerError``, as the initializer of one group does.
  public init(
    groups: [ParameterGroup<Options>], nonFinitePolicy: NonFinitePolicy = .propagate,
    backend: Backend = .defaultForOptimizers, threads: Int? = nil
  ) throws(OptimizerError) {
    core = try OptimizerCore(groups: groups, policy: nonFinitePolicy, backend: backend, threads: threads)
  }

  /// The parameter groups, in the order they were given.
  public var groups: [ParameterGroup<Options>] { core.groups }

  /// The backend.
  public var backend: Backend { core.backend }

  /// Threads that a step uses at the most.
  public var threads: Int { core.threads }

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

extension AdamW: Optimizer {
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

  /// The rate of each group, never nil. A rate is set from the next step on.
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

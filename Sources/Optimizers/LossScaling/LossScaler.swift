import KernelInterface
import Tensors

/// A dynamic loss scale S that keeps Float16 gradients from vanishing: torch's `GradScaler`.
///
/// The gradients of S · loss are S times the gradients of the loss. ``unscale(_:)`` divides them by S. If one of them is NaN
/// or infinite, the step is skipped and S ← S · backoffFactor. After `growthInterval` finite steps in a row,
/// S ← S · growthFactor. This keeps S just below the overflow.
///
///     model.setGradients(for: batch, lossScale: scaler.scale)
///     try scaler.unscale(parameters)  // needed only before clipping
///     try parameters.clipGradientNorm(maxNorm: 1)
///     try scaler.step(optimizer)
///     try scaler.update()
///
/// Semantics and defaults are the same as in `torch.amp.GradScaler` of torch 2.15.0, with these differences:
/// - No gradient is written: S becomes a part of ``Parameter/gradientScale``. This makes it possible to unscale Float16
///   gradients, which torch refuses.
/// - The check for finite values reads a gradient once and keeps its norm for clipping. If a ``GradientAccumulator`` applied
///   the gradient, the check reads nothing.
/// - Clipping before unscaling is an error, and so is replacing a gradient after unscaling. Torch accepts both and trains
///   with wrong norms.
/// - A check belongs to a parameter. If one update covers several optimizers, give each step its own parameters.
public final class LossScaler {
  /// The settings and the current scale.
  public private(set) var state: State

  /// Whether losses are scaled. A disabled scaler has a scale of 1, always steps, and its update does nothing.
  public let isEnabled: Bool

  private let backend: Backend
  private let threads: Int?

  /// The checks of parameters since the last update.
  private var checks: [ObjectIdentifier: Check] = [:]

  /// The check of a parameter's gradient.
  private struct Check {
    /// The parameter. A strong reference, so that no other object can get its identity.
    let parameter: Parameter
    let isFinite: Bool
    var isStepped = false
  }

  /// Creates a scaler.
  ///
  /// - Parameters:
  ///   - state: The settings and the initial scale. The defaults are torch's.
  ///   - isEnabled: Whether losses are scaled.
  ///   - backend: The backend.
  ///   - threads: The maximum number of threads of a check; nil for one per processor.
  /// - Throws: ``LossScalerError/invalidSetting(name:value:requirement:)``.
  public init(
    _ state: State = State(), isEnabled: Bool = true, backend: Backend = .default, threads: Int? = nil
  ) throws(LossScalerError) {
    try state.validate()
    self.state = state
    self.isEnabled = isEnabled
    self.backend = backend
    self.threads = threads
  }

  /// S, the factor of losses; 1 if the scaler is disabled.
  public var scale: Double { isEnabled ? state.scale : 1 }

  /// Returns S · loss.
  public func scaled(_ loss: Double) -> Double { loss * scale }

  /// Returns S · x, for losses or for the gradient at the start of the backward pass.
  public func scaled(_ x: Tensor) -> Tensor { isEnabled ? x * scale : x }

  /// Restores a state, including its settings.
  ///
  /// - Throws: ``LossScalerError/invalidSetting(name:value:requirement:)``, without changing anything.
  public func restore(_ state: State) throws(LossScalerError) {
    try state.validate()
    self.state = state
    checks = [:]
  }
}

// MARK: The loop

extension LossScaler {
  /// Divides gradients by S and checks whether they are finite: torch's `unscale_`. Each gradient is read at most once.
  ///
  /// Call it if gradients are clipped or inspected before the step: once per step, after all gradients are accumulated.
  ///
  /// - Parameter parameters: The parameters of one ``step(_:_:)``. Parameters without a gradient are skipped.
  /// - Throws: ``LossScalerError`` for gradients that are already unscaled, clipped or stepped, without changing anything.
  public func unscale(_ parameters: [Parameter]) throws(LossScalerError) {
    guard isEnabled else { return }
    let parameters = parameters.filter { $0.gradient != nil }
    for parameter in parameters {
      if let check = checks[ObjectIdentifier(parameter)] {
        throw check.isStepped
          ? .unscaledAfterStep(parameter: parameter.name) : .alreadyUnscaled(parameter: parameter.name)
      }
      if parameter.gradientNotes.isUnscaled { throw .alreadyUnscaled(parameter: parameter.name) }
      if parameter.gradientNotes.isClipped { throw .clippedBeforeUnscaling(parameter: parameter.name) }
    }
    let summaries = parameters.gradientSummaries(backend: backend, threads: threads)
    for (parameter, summary) in zip(parameters, summaries) {
      checks[ObjectIdentifier(parameter)] = Check(parameter: parameter, isFinite: summary.isFinite)
      parameter.gradientScale /= state.scale
      parameter.gradientNotes.isUnscaled = true
    }
  }

  /// Steps the optimizer if the gradients of all its parameters are finite: torch's `step`.
  ///
  /// If ``unscale(_:)`` hasn't unscaled the gradients, this method unscales them first.
  ///
  /// - Returns: The report of the step, or nil if the step was skipped.
  @discardableResult
  public func step(_ optimizer: Optimizer) throws -> StepReport? {
    try step(optimizer.parameters) { try optimizer.step() }
  }

  /// Runs `body`, which steps these parameters, if all their gradients are finite.
  ///
  /// Use it like ``step(_:)``, for some of an optimizer's parameters or for several optimizers together.
  ///
  /// - Returns: The result of `body`, or nil if the step was skipped.
  /// - Throws: ``LossScalerError``, without stepping, if no parameter has a gradient, for a second step before ``update()``,
  ///   for gradients that `unscale` refuses, and for a gradient that was replaced after unscaling; and any error of `body`.
  @discardableResult
  public func step<Result>(_ parameters: [Parameter], _ body: () throws -> Result) throws -> Result? {
    guard isEnabled else { return try body() }
    let parameters = parameters.filter { $0.gradient != nil }
    if parameters.isEmpty { throw LossScalerError.noGradients }
    for parameter in parameters {
      guard let check = checks[ObjectIdentifier(parameter)] else { continue }
      if check.isStepped { throw LossScalerError.alreadyStepped(parameter: parameter.name) }
      if !parameter.gradientNotes.isUnscaled {
        throw LossScalerError.gradientReplaced(parameter: parameter.name)
      }
    }
    try unscale(parameters.filter { checks[ObjectIdentifier($0)] == nil })
    let isFinite = parameters.allSatisfy { checks[ObjectIdentifier($0)]!.isFinite }
    let result = isFinite ? try body() : nil
    for parameter in parameters { checks[ObjectIdentifier(parameter)]!.isStepped = true }
    return result
  }

  /// Changes S depending on the checks since the last update: torch's `update`. Call it after the step.
  ///
  /// - Throws: ``LossScalerError/nothingChecked``.
  public func update() throws(LossScalerError) {
    guard isEnabled else { return }
    if checks.isEmpty { throw .nothingChecked }
    state.advance(isFinite: checks.values.allSatisfy(\.isFinite))
    checks = [:]
  }
}

import KernelInterface
import Tensors

/// A factor S on the loss that keeps Float16 gradients above 0, found by trial: torch's `GradScaler`.
///
/// The gradients of S · loss are S times those of the loss; ``unscale(_:)`` divides by S. When one of them is
/// NaN or infinite, the step is left out and S ← S · backoffFactor; after `growthInterval` steps without, S ←
/// S · growthFactor. So S settles just below what overflows.
///
///     model.setGradients(for: batch, lossScale: scaler.scale)
///     try scaler.unscale(parameters)                             // to clip; step does it where you don't
///     try parameters.clipGradientNorm(maxNorm: 1)
///     try scaler.step(optimizer)
///     try scaler.update()
///
/// Semantics and defaults are those of torch 2.15.0's `torch.amp.GradScaler`, with these differences:
/// - No gradient is written: S goes into ``Parameter/gradientScale``. Float16 gradients, which torch refuses
///   to un-scale because they would lose what the scale has saved, are as good as any.
/// - The check of finiteness reads a gradient once and leaves its norm for clipping; where a
///   ``GradientAccumulator`` applied it, nothing is read.
/// - Wrong orders are errors: clipping before un-scaling, and gradients that were replaced after it. There
///   they pass, and train with other norms.
/// - The check belongs to parameters: where one update serves several optimizers, give each step its own
///   parameters.
public final class LossScaler {
  /// What it does next, and with which settings: all of it.
  public private(set) var state: State

  /// Whether losses are scaled. A scaler that is not enabled has a scale of 1, steps always and updates
  /// nothing.
  public let isEnabled: Bool

  private let backend: Backend
  private let threads: Int?

  /// What is known of each parameter since the last update.
  private var checks: [ObjectIdentifier: Check] = [:]

  /// What is known of a parameter's gradient.
  private struct Check {
    /// Kept, so that no other can take its identity.
    let parameter: Parameter
    let isFinite: Bool
    var isStepped = false
  }

  /// A scaler.
  ///
  /// - Parameters:
  ///   - state: Where to begin, with which settings; torch's defaults if left out.
  ///   - isEnabled: Whether losses are scaled.
  ///   - backend: The backend.
  ///   - threads: Threads that a check uses at the most; nil for as many as there are processors.
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

  /// S, what losses are multiplied by; 1 where the scaler is not enabled.
  public var scale: Double { isEnabled ? state.scale : 1 }

  /// S · loss.
  public func scaled(_ loss: Double) -> Double { loss * scale }

  /// S · x: of losses, or of the gradient that the backward pass begins with.
  public func scaled(_ x: Tensor) -> Tensor { isEnabled ? x * scale : x }

  /// Goes on from a state that was taken elsewhere, its settings included.
  ///
  /// - Throws: ``LossScalerError/invalidSetting(name:value:requirement:)``, with everything as it was.
  public func restore(_ state: State) throws(LossScalerError) {
    try state.validate()
    self.state = state
    checks = [:]
  }
}

// MARK: The loop

extension LossScaler {
  /// Divides gradients by S, and notes whether they are finite: torch's `unscale_`. Each is read once at the
  /// most.
  ///
  /// Needed where gradients are clipped or looked at before the step; after all have been accumulated, once a
  /// step.
  ///
  /// - Parameter parameters: Those that one ``step(_:_:)`` will concern; those without a gradient are left
  ///   alone.
  /// - Throws: ``LossScalerError`` for gradients that are un-scaled, clipped or stepped already; nothing has
  ///   changed then.
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
  /// Gradients that ``unscale(_:)`` has not un-scaled are un-scaled first.
  ///
  /// - Returns: What was done; nil where the step was left out.
  @discardableResult
  public func step(_ optimizer: Optimizer) throws -> StepReport? {
    try step(optimizer.parameters) { try optimizer.step() }
  }

  /// Runs `body`, which steps these parameters, if all their gradients are finite.
  ///
  /// As ``step(_:)``, for steps of a part of an optimizer's parameters, or of several optimizers together.
  ///
  /// - Returns: What `body` returned; nil where the step was left out.
  /// - Throws: ``LossScalerError`` where none has a gradient, for a second step before ``update()``, for
  ///   orders that `unscale` refuses, and for a gradient that was replaced after it, with nothing stepped;
  ///   and what `body` throws.
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

  /// Changes S by what the checks since the last update found: torch's `update`. Call it after the step.
  ///
  /// - Throws: ``LossScalerError/nothingChecked``.
  public func update() throws(LossScalerError) {
    guard isEnabled else { return }
    if checks.isEmpty { throw .nothingChecked }
    state.advance(isFinite: checks.values.allSatisfy(\.isFinite))
    checks = [:]
  }
}

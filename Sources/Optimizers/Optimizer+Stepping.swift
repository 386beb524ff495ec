import Backends
import KernelInterface
import Tensors

extension Optimizer {
  /// Updates every parameter that has a gradient. Other parameters and their step counts are unchanged.
  ///
  /// If no parameter has a gradient, the step changes nothing: ``StepReport/steppedCount`` is 0 and
  /// ``StepReport/withoutGradient`` counts all parameters.
  ///
  /// - Returns: The parameters that were stepped, and the parameters with an update that is not finite.
  /// - Throws: ``OptimizerError`` if the shape of a gradient does not fit its parameter, before anything has changed, or if
  ///   ``nonFinitePolicy`` requires an error.
  @discardableResult
  public func step() throws(OptimizerError) -> StepReport {
    try step(slots, &batch)
  }

  /// Updates one parameter in the same way as ``step()``. If you call it as soon as each gradient exists, the gradients
  /// never have to be in memory all at once.
  ///
  /// One call for every parameter gives the same bits as one ``step()``. Two calls for the same parameter step it twice. A
  /// step that depends on all gradients is refused: with the policy ``NonFinitePolicy/skipStep``, and with a gradient that
  /// was clipped by the norm of several parameters (clip each gradient by its own norm instead). With
  /// ``NonFinitePolicy/throwError``, an error leaves only this parameter unchanged; parameters that were stepped before it
  /// keep their new values. A ``LossScaler`` skips only the parameters with gradients that overflow.
  ///
  /// - Parameters:
  ///   - parameter: One of ``parameters``, with a gradient.
  ///   - releasingGradient: Whether the parameter's gradient is set to nil afterwards, even if the policy skipped it.
  /// - Throws: ``OptimizerError``, without changing anything.
  @discardableResult
  public func step(
    _ parameter: Parameter, releasingGradient: Bool = true
  ) throws(OptimizerError) -> StepReport {
    guard let slot = slot(of: parameter) else { throw .unknownParameter(name: parameter.name) }
    do throws(OptimizerError) {
      try checkSteppingAlone(parameter)
      guard parameter.gradient != nil else { throw OptimizerError.noGradient(parameter: parameter.name) }
    } catch {
      // Ranks that share the parameter are about to step it, and must not wait for this one.
      try engine.reducer?.requireSame(digest: Rounding.hash(ofName: error.description)) {
        [("the step", "fails: \(error)")]
      }
      throw error
    }
    let report = try step([slot], &singleBatches[slot.index, default: StepBatch([])])
    if releasingGradient { parameter.gradient = nil }
    return report
  }

  /// Runs `closure`, which computes the loss and the gradients, then steps.
  ///
  /// - Returns: The closure's result.
  /// - Throws: Any error that the closure throws, and ``OptimizerError`` as ``step()`` does.
  @discardableResult
  public func step<Loss>(_ closure: () throws -> Loss) throws -> Loss {
    let loss = try closure()
    try step()
    return loss
  }

  /// Throws an error if the step of a single parameter depends on other gradients.
  private func checkSteppingAlone(_ parameter: Parameter) throws(OptimizerError) {
    if nonFinitePolicy == .skipStep {
      throw .cannotStepAlone(
        parameter: parameter.name,
        reason: "the policy skipStep needs all gradients before the first update; use skipParameter instead")
    }
    if parameter.gradientNotes.isClippedJointly {
      throw .cannotStepAlone(
        parameter: parameter.name,
        reason:
          "its gradient was clipped by the norm of several parameters, which depends on all their gradients; "
          + "clip each by its own norm with parameter.clipGradientNorm(maxNorm:), or step all with step()")
    }
  }

  /// Steps the slots that have gradients.
  private func step(
    _ candidates: ContiguousArray<ParameterSlot>, _ batch: inout StepBatch
  ) throws(OptimizerError) -> StepReport {
    if let reducer = engine.reducer {
      try prepareShared(candidates, &batch, reducer)
    } else {
      try prepare(candidates, &batch)
    }
    let nonFinite = try engine.run(batch, policy: nonFinitePolicy)
    let withoutGradient = candidates.count - batch.items.count
    if nonFinite.isEmpty {
      return StepReport(steppedCount: batch.items.count, nonFinite: [], withoutGradient: withoutGradient)
    }
    let stepped = batch.items.map { unsafeDowncast($0, to: ParameterSlot.self) }
    let names = nonFinite.map { stepped[$0].parameter.name }
    if nonFinitePolicy == .throwError, let first = nonFinite.first {
      if stepped[first].isWritten { throw .infiniteParameter(parameter: stepped[first].parameter.name) }
      throw .nonFiniteGradient(parameter: stepped[first].parameter.name)
    }
    return StepReport(
      steppedCount: stepped.count { $0.isWritten }, nonFinite: names, withoutGradient: withoutGradient)
  }

  /// Prepares the slots, and throws an error in all processes that share parameters if one of them can't step, or if they
  /// would step different parameters or with different numbers.
  private func prepareShared(
    _ candidates: ContiguousArray<ParameterSlot>, _ batch: inout StepBatch, _ reducer: any StepReducer
  ) throws(OptimizerError) {
    var failure: OptimizerError?
    do { try prepare(candidates, &batch) } catch { failure = error }
    let slots = batch.items.map { unsafeDowncast($0, to: ParameterSlot.self) }
    var digest = Rounding.hash(ofName: failure?.description ?? nonFinitePolicy.rawValue)
    for slot in slots {
      digest = (digest ^ UInt64(slot.index)) &* 0x0000_0100_0000_01B3
      for fact in slot.facts { digest = (digest ^ fact.value) &* 0x0000_0100_0000_01B3 }
    }
    do {
      try reducer.requireSame(digest: digest) {
        [
          ("the step", failure.map { "fails: \($0)" } ?? "can be made"),
          ("the policy", nonFinitePolicy.rawValue),
          ("parameters with gradients", slots.map(\.parameter.name).joined(separator: ", ")),
        ]
          + slots.flatMap(\.facts).map { name, value in
            (name, name.hasPrefix("the step") ? "\(value)" : "\(Double(bitPattern: value))")
          }
      }
    } catch {
      throw failure ?? error
    }
    if let failure { throw failure }
  }

  /// Prepares every slot that has a gradient before any of them is stepped, and creates a new batch if these are not the
  /// slots of the last step.
  private func prepare(
    _ candidates: ContiguousArray<ParameterSlot>, _ batch: inout StepBatch
  ) throws(OptimizerError) {
    let needsVerdict = nonFinitePolicy != .propagate
    if arePrepared(candidates, batch, needsVerdict: needsVerdict) { return }
    var slots = ContiguousArray<StepItem>()
    for slot in candidates {
      guard let gradient = slot.parameter.gradient else { continue }
      try slot.prepare(
        gradient: gradient, needsVerdict: needsVerdict, mayComeFromMemory: mayComeFromMemory,
        engine: engine, backend: backend)
      slots.append(slot)
    }
    if !batch.items.elementsEqual(slots, by: ===) { batch = StepBatch(slots) }
  }

  /// Whether nothing has changed since the last step: all slots have gradients, and their steps are prepared for them. This
  /// is true for all but the first steps of a training run.
  ///
  /// Runs on all threads, because checking many small parameters takes as long as stepping them.
  private func arePrepared(
    _ slots: ContiguousArray<ParameterSlot>, _ batch: StepBatch, needsVerdict: Bool
  ) -> Bool {
    let (items, length) = (batch.items, 256)
    guard slots.count == items.count else { return false }
    let chunkCount = (slots.count + length - 1) / length
    return withUnsafeTemporaryAllocation(of: Bool.self, capacity: max(1, chunkCount)) { chunks in
      nonisolated(unsafe) let (chunks, slots, items) = (chunks, slots, items)
      parallelFor(count: chunkCount, threads: threads) { _, chunk in
        let range = chunk * length..<min((chunk + 1) * length, slots.count)
        chunks[chunk] = range.allSatisfy {
          items[$0] === slots[$0] && slots[$0].isPrepared(needsVerdict: needsVerdict)
        }
      }
      return (0..<chunkCount).allSatisfy { chunks[$0] }
    }
  }
}

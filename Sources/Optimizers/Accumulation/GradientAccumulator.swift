import KernelInterface
import Tensors

/// Σ wᵢ gᵢ / Σ wᵢ: the gradient of a large batch, from those of micro-batches that fit in memory.
///
/// A window of micro-batches, then one step, with clipping and a loss scale:
///
///     for window in windows {
///       for batch in window {
///         model.setGradients(for: batch, lossScale: scaler.scale)    // of the mean loss over its tokens
///         try accumulator.add(weight: Double(batch.tokenCount))
///       }
///       try accumulator.apply()
///       try scaler.unscale(parameters)
///       try parameters.clipGradientNorm(maxNorm: 1)
///       try scaler.step(parameters) { try optimizer.step() }
///       try scaler.update()
///       accumulator.reset()
///     }
///
/// With micro-batches of nᵢ tokens there are two ways to the mean over all N = Σ nᵢ tokens of a window. They
/// differ in the loss whose gradients gᵢ are:
/// - the mean over the micro-batch's tokens: ``add(weight:)`` with weight nᵢ gives Σ nᵢ gᵢ / N;
/// - the sum over the micro-batch's tokens: ``add(tokenCount:)`` with count nᵢ gives Σ gᵢ / N.
///
/// Both hold for micro-batches of any sizes and for a last window with fewer of them. What other trainers did
/// for long, and transformers until its change 34191, is to average means: with 100 tokens in one micro-batch and
/// 900 in the other, each token of the first then counts nine times one of the second. Equal weights are
/// right for equal micro-batches alone, and a division by a fixed number of micro-batches makes the last,
/// shorter window's step too small.
///
/// Sums lie in Float32, for 16-bit gradients too, and in Float64 where the parameter or its first gradient is
/// Float64. The division costs nothing: ``apply()`` leaves it to the step, as ``Parameter/gradientScale``.
/// Nor does the norm that clipping needs: each addition sums the squares of what it has just written. Threads
/// change no bit of the results.
///
/// A parameter that has no gradient in some micro-batches has its sum over the others, divided by the weight
/// of all: no gradient counts as zero. One that has none in a window has none at its end, and the step leaves
/// it alone. The `GradientAccumulator` of transformers 4 dropped a variable for good when its first gradient
/// was missing.
public final class GradientAccumulator {
  /// The parameters whose gradients are summed, in the order of ``gradients``.
  public let parameters: [Parameter]

  /// Micro-batches added since the last reset.
  public internal(set) var step = 0

  /// Σ wᵢ since the last reset: what the sums are divided by.
  public internal(set) var totalWeight = 0.0

  var slots: [Slot]
  var wasCalled = false
  private(set) var wasApplied = false
  private let backend: Backend
  private let threads: Int

  /// What is kept for one parameter.
  struct Slot {
    /// Σ wᵢ gᵢ: memory that lasts over resets.
    var sum: Tensor?
    /// Whether `sum` holds gradients of this window, rather than what an earlier one left.
    var isFilled = false
    /// Whether a gradient was clipped before it was added.
    var isClipped = false
    /// Σ over the squares of `sum`.
    var summary = GradientSummary()
  }

  /// An accumulator with nothing in it.
  ///
  /// - Parameters:
  ///   - parameters: What gradients belong to, each parameter once.
  ///   - backend: The backend, one of `Backend.available`.
  ///   - threads: Threads that an addition uses at the most; nil for as many as there are processors.
  public init(_ parameters: [Parameter], backend: Backend = .default, threads: Int? = nil) {
    let threads = threads ?? processorCount
    precondition(threads >= 1, "an accumulator needs at least one thread, not \(threads)")
    precondition(
      Set(parameters.map(ObjectIdentifier.init)).count == parameters.count,
      "an accumulator was given a parameter twice: \(parameters.map(\.name))")
    self.parameters = parameters
    self.backend = backend
    self.threads = threads
    slots = Array(repeating: Slot(), count: parameters.count)
  }
}

// MARK: Adding

extension GradientAccumulator {
  /// Adds `weight` times each parameter's gradient, that of the mean loss over `weight` tokens, and takes it
  /// away.
  ///
  /// Parameters have no gradient afterwards: its memory is free for the next micro-batch, and none is added
  /// twice. Each is multiplied by its ``Parameter/gradientScale``. A micro-batch of weight 0 is not read,
  /// since a mean over no tokens is NaN; it counts as a step all the same.
  ///
  /// - Parameter weight: Tokens of the micro-batch, or what else its loss is a mean over; 1 for equal
  ///   micro-batches.
  /// - Throws: ``GradientAccumulatorError``, with everything as it was.
  public func add(weight: Double = 1) throws(GradientAccumulatorError) {
    try addFromParameters(factor: weight, weight: weight)
  }

  /// Adds each parameter's gradient, that of the summed loss over `count` tokens, and takes it away.
  ///
  /// As ``add(weight:)``, for a loss that was not divided. In Float16 prefer the mean: a sum over many tokens
  /// comes nearer to 65,504, the largest number there is.
  ///
  /// - Parameter count: The number of tokens in the micro-batch.
  /// - Throws: ``GradientAccumulatorError``, with everything as it was.
  public func add(tokenCount count: Double) throws(GradientAccumulatorError) {
    try addFromParameters(factor: 1, weight: count)
  }

  /// Adds `weight` times these gradients, of the mean loss over `weight` tokens, one for each parameter, nil
  /// for none.
  ///
  /// Nothing of the parameters changes. For memory of your own, adopt it:
  /// `Tensor(bytesNoCopy:shape:as:deallocator:)` copies nothing.
  ///
  /// - Throws: ``GradientAccumulatorError``, with everything as it was.
  public func add(_ gradients: [Tensor?], weight: Double = 1) throws(GradientAccumulatorError) {
    try add(gradients, factors: gradients.map { _ in weight }, weight: weight)
  }

  /// Adds these gradients, of the summed loss over `count` tokens, one for each parameter, nil for none.
  ///
  /// - Throws: ``GradientAccumulatorError``, with everything as it was.
  public func add(_ gradients: [Tensor?], tokenCount count: Double) throws(GradientAccumulatorError) {
    try add(gradients, factors: gradients.map { _ in 1 }, weight: count)
  }

  private func addFromParameters(factor: Double, weight: Double) throws(GradientAccumulatorError) {
    try add(
      parameters.map(\.gradient), factors: parameters.map { factor * $0.gradientScale }, weight: weight)
    for index in slots.indices where parameters[index].gradient != nil {
      slots[index].isClipped = slots[index].isClipped || parameters[index].gradientNotes.isClipped
      parameters[index].gradient = nil
    }
  }

  private func add(
    _ gradients: [Tensor?], factors: [Double], weight: Double
  ) throws(GradientAccumulatorError) {
    if wasApplied { throw .applied }
    guard weight >= 0, weight.isFinite else { throw .weight(weight) }
    guard gradients.count == parameters.count else {
      throw .gradientCount(expected: parameters.count, given: gradients.count)
    }
    for (parameter, gradient) in zip(parameters, gradients) {
      guard let gradient, gradient.shape != parameter.value.shape else { continue }
      throw .gradientShape(parameter: parameter.name, expected: parameter.value.shape, given: gradient.shape)
    }
    step += 1
    wasCalled = true
    if weight == 0 { return }
    totalWeight += weight
    let indices = gradients.indices.filter { gradients[$0] != nil }
    var work = indices.map { index in
      let gradient = gradients[index]!
      return GradientAddition(
        gradient, factor: factors[index], to: &slots[index], of: parameters[index].value.scalarType)
    }
    GradientAddition.run(&work, kernels: backend.kernels, threads: threads)
    for (index, addition) in zip(indices, work) { slots[index].summary = addition.summary }
    withExtendedLifetime(gradients) {}
  }
}

// MARK: Results

extension GradientAccumulator {
  /// Σ wᵢ gᵢ of each parameter, not divided; nil for those that never had a gradient.
  ///
  /// Zeros after ``reset()``. Divide by ``totalWeight`` for the average, or call ``apply()``.
  ///
  /// - Throws: ``GradientAccumulatorError/notCalled`` before the first addition.
  public var gradients: [Tensor?] {
    get throws(GradientAccumulatorError) {
      guard wasCalled else { throw .notCalled }
      return slots.map { slot in
        slot.isFilled ? slot.sum : slot.sum.map { Tensor(zeros: $0.shape, as: $0.scalarType) }
      }
    }
  }

  /// Gives each parameter its average gradient: ``Parameter/gradient`` is the sum,
  /// ``Parameter/gradientScale`` 1 / Σ wᵢ.
  ///
  /// Parameters without a gradient in all of the window get none. Clip and un-scale after this, then step,
  /// then ``reset()``: until then the parameters share the accumulator's memory, and it accepts no gradients.
  ///
  /// - Throws: ``GradientAccumulatorError/notCalled`` before an addition,
  ///   ``GradientAccumulatorError/noWeight(step:)`` where all weights were 0; parameters are as they were.
  public func apply() throws(GradientAccumulatorError) {
    guard step > 0 else { throw .notCalled }
    guard totalWeight > 0 else { throw .noWeight(step: step) }
    for (parameter, slot) in zip(parameters, slots) {
      parameter.gradient = slot.isFilled ? slot.sum : nil
      guard slot.isFilled else { continue }
      parameter.gradientScale = 1 / totalWeight
      parameter.gradientNotes = GradientNotes(summary: slot.summary, isClipped: slot.isClipped)
    }
    wasApplied = true
  }

  /// Begins the next window with sums, step and weight of 0, and keeps the memory.
  ///
  /// Takes back the applied gradients: parameters have none afterwards. Nothing is written; the first
  /// addition of the next window overwrites the sums.
  public func reset() {
    if wasApplied {
      for (parameter, slot) in zip(parameters, slots) where slot.isFilled { parameter.gradient = nil }
    }
    for index in slots.indices {
      slots[index].isFilled = false
      slots[index].isClipped = false
    }
    (step, totalWeight, wasApplied) = (0, 0, false)
  }
}

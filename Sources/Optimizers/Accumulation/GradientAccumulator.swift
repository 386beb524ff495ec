import KernelInterface
import Tensors

/// Σ wᵢ gᵢ / Σ wᵢ: the gradient of a large batch, from the gradients of micro-batches that fit in memory.
///
/// A loop with windows of micro-batches, clipping and a loss scale:
///
///     for window in windows {
///       for batch in window {
///         model.setGradients(for: batch, lossScale: scaler.scale)
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
/// There are two ways to compute the mean over all N = Σ nᵢ tokens of a window from micro-batches of nᵢ tokens. Choose by
/// the loss that the gradients gᵢ belong to:
/// - If the loss is the mean over the micro-batch's tokens, ``add(weight:)`` with weight nᵢ gives Σ nᵢ gᵢ / N.
/// - If the loss is the sum over the micro-batch's tokens, ``add(tokenCount:)`` with count nᵢ gives Σ gᵢ / N.
///
/// Both are correct for micro-batches of any size, and for a last window with fewer micro-batches. Other trainers average
/// the means, and transformers did so until its change 34191. With 100 tokens in one micro-batch and 900 in another, each
/// token of the first then counts nine times as much as a token of the second. Equal weights are correct only for equal
/// micro-batches. Division by a fixed number of micro-batches makes the step of a shorter last window too small.
///
/// Sums are in Float32 (for 16-bit gradients too), or in Float64 if the parameter or its first gradient is Float64. The
/// division costs nothing: ``apply()`` leaves it to the step, as ``Parameter/gradientScale``. The norm for clipping costs
/// nothing either: each addition also sums the squares of the new sums. The number of threads doesn't change the results.
///
/// If a parameter has no gradient in some micro-batches, the missing gradients count as zero. If it has none in the whole
/// window, it has none afterwards, and the step skips it. If the first gradient of a variable was missing, the
/// `GradientAccumulator` of transformers 4 ignored that variable from then on.
public final class GradientAccumulator {
  /// The parameters whose gradients are summed, in the order of ``gradients``.
  public let parameters: [Parameter]

  /// The number of micro-batches since the last reset.
  public internal(set) var step = 0

  /// Σ wᵢ since the last reset, the divisor of the sums.
  public internal(set) var totalWeight = 0.0

  var slots: [Slot]
  var wasCalled = false
  private(set) var wasApplied = false
  private let backend: Backend
  private let threads: Int

  /// The sum of one parameter.
  struct Slot {
    /// Σ wᵢ gᵢ. A reset keeps its memory.
    var sum: Tensor?
    /// Whether `sum` holds gradients of the current window.
    var isFilled = false
    /// Whether a gradient was clipped before it was added.
    var isClipped = false
    /// The summary of `sum`: Σ of its squares, and whether it is finite.
    var summary = GradientSummary()
  }

  /// Creates an empty accumulator.
  ///
  /// - Parameters:
  ///   - parameters: The parameters whose gradients are summed, each listed once.
  ///   - backend: The backend, one of `Backend.available`.
  ///   - threads: The maximum number of threads of an addition; nil for one per processor.
  public init(_ parameters: [Parameter], backend: Backend = .default, threads: Int? = nil) {
    let threads = threads ?? processorCount
    guard threads >= 1 else {
      fatalError("an accumulator needs at least one thread, not \(threads)")
    }
    guard Set(parameters.map(ObjectIdentifier.init)).count == parameters.count else {
      fatalError("an accumulator was given a parameter twice: \(parameters.map(\.name))")
    }
    self.parameters = parameters
    self.backend = backend
    self.threads = threads
    slots = Array(repeating: Slot(), count: parameters.count)
  }
}

// MARK: Adding

extension GradientAccumulator {
  /// Adds `weight` times each parameter's gradient, for the mean loss over `weight` tokens, and sets the gradient to nil.
  ///
  /// Setting the gradient to nil frees its memory for the next micro-batch and prevents adding it twice. Each gradient is
  /// multiplied by its ``Parameter/gradientScale``. A micro-batch of weight 0 counts as a step, but is not read: a mean over
  /// no tokens is NaN.
  ///
  /// - Parameter weight: The number of tokens or samples in the mean loss; 1 for equal micro-batches.
  /// - Throws: ``GradientAccumulatorError``, without changing anything.
  public func add(weight: Double = 1) throws(GradientAccumulatorError) {
    try addFromParameters(factor: weight, weight: weight)
  }

  /// Adds each parameter's gradient, for the summed loss over `count` tokens, and sets the gradient to nil.
  ///
  /// This is ``add(weight:)`` for a loss that was not divided by the number of tokens. In Float16 prefer the mean: a sum
  /// over many tokens is more likely to exceed 65,504, the largest number.
  ///
  /// - Parameter count: The number of tokens in the micro-batch.
  /// - Throws: ``GradientAccumulatorError``, without changing anything.
  public func add(tokenCount count: Double) throws(GradientAccumulatorError) {
    try addFromParameters(factor: 1, weight: count)
  }

  /// Adds `weight` times the given gradients of the mean loss over `weight` tokens. Pass one gradient per parameter, or nil
  /// for parameters without a gradient.
  ///
  /// The parameters don't change. If a gradient is in your own memory, adopt it without a copy:
  /// `Tensor(bytesNoCopy:shape:as:deallocator:)`.
  ///
  /// - Throws: ``GradientAccumulatorError``, without changing anything.
  public func add(_ gradients: [Tensor?], weight: Double = 1) throws(GradientAccumulatorError) {
    try add(gradients, factors: gradients.map { _ in weight }, weight: weight)
  }

  /// Adds the given gradients of the summed loss over `count` tokens. Pass one gradient per parameter, or nil for parameters
  /// without a gradient.
  ///
  /// - Throws: ``GradientAccumulatorError``, without changing anything.
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
    for ((parameter, slot), gradient) in zip(zip(parameters, slots), gradients) {
      guard let gradient else { continue }
      // A parameter's shape may change between windows, but not within a window.
      for expected in [parameter.value.shape, slot.isFilled ? slot.sum!.shape : gradient.shape]
      where gradient.shape != expected {
        throw .gradientShape(parameter: parameter.name, expected: expected, given: gradient.shape)
      }
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
  /// Σ wᵢ gᵢ of each parameter before division; nil for parameters that have never had a gradient.
  ///
  /// After ``reset()`` these are zeros. Divide by ``totalWeight`` for the average, or call ``apply()``.
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

  /// Sets each parameter's gradient to its average: ``Parameter/gradient`` is the sum, and ``Parameter/gradientScale`` is
  /// 1 / Σ wᵢ.
  ///
  /// A parameter without a gradient in the whole window gets nil. Unscale and clip after this call, then step, then call
  /// ``reset()``. Until then the parameters share the accumulator's memory, and it accepts no gradients.
  ///
  /// - Throws: ``GradientAccumulatorError/notCalled`` before an addition,
  ///   ``GradientAccumulatorError/noWeight(step:)`` if all weights were 0, and
  ///   ``GradientAccumulatorError/applied`` if it was already called, without changing the parameters.
  public func apply() throws(GradientAccumulatorError) {
    guard step > 0 else { throw .notCalled }
    // A second call would undo unscaling and clipping.
    if wasApplied { throw .applied }
    guard totalWeight > 0 else { throw .noWeight(step: step) }
    for (parameter, slot) in zip(parameters, slots) {
      parameter.gradient = slot.isFilled ? slot.sum : nil
      guard slot.isFilled else { continue }
      parameter.gradientScale = 1 / totalWeight
      parameter.gradientNotes = GradientNotes(summary: slot.summary, isClipped: slot.isClipped)
    }
    wasApplied = true
  }

  /// Starts the next window: sets the sums, the step and the weight to 0, and keeps the memory.
  ///
  /// Parameters have no gradients afterwards. No memory is written: the first addition of the next window overwrites the
  /// sums.
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

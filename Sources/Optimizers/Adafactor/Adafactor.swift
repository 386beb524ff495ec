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
/// With `beta1`, M ← beta1·M + (1−beta1)·α U / max(1, RMS(U)/d) replaces the last term. A tensor of more than two axes has
/// separate R and C for each of its trailing matrices. RMS(U), RMS(P) and the clipping are computed over the whole tensor.
///
///     let optimizer = try Adafactor(
///       model.parameters,
///       options: .init(learningRate: .constant(1e-3), scaleParameter: false))
///     for batch in batches {
///       model.setGradients(for: batch)
///       try optimizer.step()
///     }
///
/// Results match `transformers.Adafactor`, and have the same bits for any number of threads. A step reads the gradient
/// twice and allocates nothing of its size. Differences from other implementations:
/// - The factors of U are multiplied in an order that cannot overflow. If a matrix has a row of zeros and rows of 1e8 and
///   more, the reference makes the tensor NaN. This implementation does not.
/// - PyTorch's `Adafactor` limits the relative step by `lr`, decays weights by `lr` rather than α, and has no `beta1`.
///   Optax factors the two longest axes if both have at least 128 elements, and does not multiply the decay by a rate.
///   Their settings must be converted: see <doc:AdafactorExplained>.
///
/// Reference: Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost" (2018),
/// arXiv:1804.04235.
public typealias Adafactor = RuleOptimizer<AdafactorOptions>

extension RuleOptimizer where Rule == AdafactorOptions {
  /// The learning rate, or the way it is computed.
  public typealias LearningRate = AdafactorLearningRate
}

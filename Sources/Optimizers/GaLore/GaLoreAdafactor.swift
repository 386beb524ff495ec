/// GaLore with Adafactor: Adafactor on gradients that are projected onto a few singular vectors.
///
/// For a matrix P of n × m with gradient G, every `updateGap` steps from the first one on:
///
///     G = U S Vᵀ, by descending singular values; the first r columns of U and V     [projector_left, projector_right]
///
/// In step t, counted from 1:
///
///     L = G V if n ≥ m, and Uᵀ G otherwise                 n × r or r × m; other kinds: Uᵀ G, G V or Uᵀ G V
///     β = 1 − t^decayRate
///     Rᵢ ← β Rᵢ + (1−β)(mean of the squares of row i of L + ε₁)          [exp_avg_sq_row]
///     Cⱼ ← β Cⱼ + (1−β)(mean of the squares of column j of L + ε₁)       [exp_avg_sq_col]
///     u = L / √(R Cᵀ / mean R)
///     α  = rate · max(ε₂, RMS(P))
///     U₂ ← α u / max(1, RMS(u)/d)
///     M ← beta1 M + (1−beta1) U₂,  U₂ = M                  [exp_avg], only with `beta1`
///     P ← P − weightDecay · α · P − scale · back(U₂)
///
/// back multiplies by Vᵀ on the right, by U on the left, or both. RMS(P) is over the whole parameter, and RMS(u) over the
/// projected update. Parameters that are not matrices are not projected, and no parameter is projected if
/// ``GaLoreProjection/rank`` is nil. They are stepped as by ``Adafactor``.
///
///     let adafactor = AdafactorOptions(
///       learningRate: .constant(1e-2), beta1: 0.9, scaleParameter: false)
///     let optimizer = try MultiOptimizer(
///       model.parameters,
///       hiddenMatrices: GaLoreAdafactor.Options(
///         adafactor: adafactor, projection: .init(rank: 64)),
///       rest: adafactor, excluding: ["embed", "lm_head"])
///
/// State of a matrix with n ≥ m: mr + n + r numbers, and nr more with `beta1`. Without `beta1`, ``Adafactor`` needs only n +
/// m. <doc:GaLoreExplained> compares them. It matches galore-torch. Each parameter is one task, computed in Double.
///
/// Differs from galore-torch in the same ways as ``GaLoreAdamW``, and from transformers in the same ways as ``Adafactor``.
///
/// Reference: Zhao et al., "GaLore: Memory-Efficient LLM Training by Gradient Low-Rank Projection" (2024), arXiv:2403.03507;
/// galore-torch 1.0.
public typealias GaLoreAdafactor = RuleOptimizer<GaLoreAdafactorOptions>

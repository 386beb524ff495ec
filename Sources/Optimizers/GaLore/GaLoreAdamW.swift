/// GaLore with AdamW: AdamW on gradients that are projected onto a few singular vectors.
///
/// For a matrix P of n × m with gradient G, every `updateGap` steps from the first one on:
///
///     G = U S Vᵀ, by descending singular values; the first r columns of U and V     [projector_left, projector_right]
///
/// In step t, counted from 1:
///
///     L = G V if n ≥ m, and Uᵀ G otherwise                 n × r or r × m; other kinds: Uᵀ G, G V or Uᵀ G V
///     M ← β₁ M + (1 − β₁) L                                [exp_avg]
///     V₂ ← β₂ V₂ + (1 − β₂) L²                             [exp_avg_sq]
///     P ← P − lr · √(1 − β₂ᵗ) / (1 − β₁ᵗ) · scale · back(M / (√V₂ + ε))
///     P ← P − lr · weightDecay · P
///
/// back multiplies by Vᵀ on the right, by U on the left, or both. Parameters that are not matrices are not projected, and no
/// parameter is projected if ``GaLoreProjection/rank`` is nil. Updates that were not projected are not scaled.
///
///     let projection = GaLoreProjection(rank: 64, updateGap: 100, scale: 0.25)
///     let optimizer = try MultiOptimizer(
///       model.parameters,
///       hiddenMatrices: GaLoreAdamW.Options(
///         learningRate: 1e-2, projection: projection),
///       rest: AdamW.Options(learningRate: 1e-3), excluding: ["embed", "lm_head"])
///
/// State of a matrix with n ≥ m: 2nr + mr numbers; ``AdamW`` has 2nm. It matches galore-torch. Each parameter is one task.
/// <doc:GaLoreExplained> explains when GaLore saves memory and what it costs.
///
/// Differs from galore-torch:
/// - The projectors are tensors of the state rather than a Python object, so checkpoints include them.
/// - The sign of a singular vector makes its largest element positive. galore-torch keeps LAPACK's signs. The update does
///   not depend on the signs until a refresh, which does not rotate the moments.
/// - Parameters in a group with `rank` may have any number of axes. galore-torch fails unless they are matrices.
/// - `reverse_std` works for wide matrices with a rank of at least n. galore-torch fails.
/// - In a step with a decomposition, a gradient that is not finite makes the parameter NaN. galore-torch fails.
/// - The decomposition of Float64 parameters is computed in Float64, and the update of a 16-bit parameter is rounded once.
///
/// Reference: Zhao et al., "GaLore: Memory-Efficient LLM Training by Gradient Low-Rank Projection" (2024), arXiv:2403.03507;
/// galore-torch 1.0.
public typealias GaLoreAdamW = RuleOptimizer<GaLoreAdamWOptions>

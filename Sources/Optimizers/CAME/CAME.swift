/// CAME: Adafactor with a momentum that is divided, element by element, by its distance from the update.
///
/// For a matrix P of n × k with gradient G:
///
///     R ← β₂ R + (1 − β₂) · means of the rows of G² + ε₁             [exp_avg_sq_row]
///     C ← β₂ C + (1 − β₂) · means of the columns of G² + ε₁          [exp_avg_sq_col]
///     U = G / √(R Cᵀ / mean(R));   U ← U / max(1, RMS(U) / clipThreshold)
///     M ← β₁ M + (1 − β₁) U                                          [exp_avg]
///     R', C' ← the same averages of (U − M)² + ε₂, with β₃           [exp_avg_res_row, exp_avg_res_col]
///     P ← P − lr·weightDecay·P − lr · M / √(R' C'ᵀ / mean(R'))
///
/// Tensors of more than two axes are stacks of matrices. Vectors and scalars keep V ← β₂ V + (1 − β₂)(G² + ε₁) [exp_avg_sq]
/// instead of R and C, with U = G / √V, and their update is M itself.
///
///     let optimizer = try CAME(
///       model.parameters, options: .init(learningRate: 2e-4, weightDecay: 1e-2))
///     for batch in batches {
///       model.setGradients(for: batch)
///       try optimizer.step()
///     }
///
/// State: M, and 2(n + k) numbers per matrix. It matches the package came-pytorch. Each parameter is one task, so two
/// threads work on two parameters. A NaN in a gradient makes the whole parameter NaN. <doc:CAMEExplained> compares CAME
/// with ``Adafactor``.
///
/// Differs from came-pytorch:
/// - The update of a 16-bit parameter is rounded once, according to ``CAMEOptions/rounding``.
/// - The state has no `RMS`, which came-pytorch computes but does not use.
///
/// Reference: Luo et al., "CAME: Confidence-guided Adaptive Memory Efficient Optimization" (2023), arXiv:2307.02047;
/// came-pytorch 0.1.3.
public typealias CAME = RuleOptimizer<CAMEOptions>

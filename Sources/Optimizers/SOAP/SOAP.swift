/// SOAP: Adam in the eigenbasis of Shampoo's preconditioners. P ← P − α · Q_L (M / (√V + ε)) Q_Rᵀ.
///
/// The first gradient G of a parameter (n × m) only initializes its state. The parameter is unchanged:
///
///     L ← (1−β_s) G Gᵀ                              [GG_0, n × n]
///     R ← (1−β_s) Gᵀ G                              [GG_1, m × m]
///     Q_L, Q_R ← eigenvectors of L, R, by descending eigenvalue      [Q_0, Q_1]
///
/// Every later gradient is an update t, counted from 1:
///
///     G' = Q_Lᵀ G Q_R
///     M ← β₁ M + (1−β₁) G'                          [exp_avg, n × m]
///     V ← β₂ V + (1−β₂) G'²                         [exp_avg_sq, n × m]
///     α = lr · √(1 − β₂ᵗ) / (1 − β₁ᵗ)               lr without `biasCorrection`
///     U = Q_L (M / (√V + ε)) Q_Rᵀ                   divided by RMS(U) with `normalizesUpdates`
///     P ← P − α U,  then  P ← P − lr·weightDecay·P
///     L ← β_s L + (1−β_s) G Gᵀ,  R ← β_s R + (1−β_s) Gᵀ G
///
/// After every f = `preconditionFrequency` updates, each basis is refreshed by one power iteration: Q ← the orthogonal
/// factor of A Q, with A = L or R. Before that, the columns of Q are sorted by descending Rayleigh quotient qᵀ A q. V is
/// permuted in the same way, and M is rotated into the new basis.
///
/// A tensor with k axes has one preconditioner per axis, of the unfolding along that axis. Axes longer than `maxPrecondDim`,
/// vectors without `precondition1D`, and scalars have none, and are not rotated. Without any preconditioner this is Adam.
///
///     let optimizer = try SOAP(
///       model.parameters,
///       options: .init(learningRate: 3e-3, preconditionFrequency: 10))
///     for batch in batches {
///       model.setGradients(for: batch)
///       try optimizer.step()
///     }
///
/// The state of an n × m matrix has 2n² + 2m² + 2nm numbers. <doc:MatrixOptimizers> has more about its size and cost.
///
/// It matches Vyas et al.'s `soap.py`, up to rounding and the signs of eigenvectors, which cancel. In the null space of a
/// preconditioner (for example, of an axis longer than the product of all others) the basis of the first steps is arbitrary
/// and depends on the backend. Differences from the reference:
/// - M is rotated only when a basis is refreshed. The reference rotates it back and forth in every step.
/// - Changes of `preconditionFrequency` and `shampooBeta` take effect at the next step. The reference keeps their values
///   from the first gradient.
/// - 16-bit parameters keep their state in Float32. The reference fails for BFloat16.
/// - The eigenvectors of Float64 parameters are computed in Float64. The reference computes them in Float32.
/// - `merge_dims` is refused for a parameter that would get a preconditioner larger than itself, such as a matrix of
///   100 × 100 with the default `max_precond_dim`.
/// - A gradient that is not finite, or with a sum of squares above a quarter of the largest finite number, makes the parameter
///   NaN and leaves the state unchanged. The reference's eigendecomposition throws an error, or the reference averages NaN.
///
/// Reference: Vyas, Morwani, Zhao, Shapira, Brandfonbrener, Janson and Kakade, "SOAP: Improving and Stabilizing Shampoo
/// using Adam" (2024), arXiv:2409.11321.
public typealias SOAP = RuleOptimizer<SOAPOptions>

/// Muon: P ← P − lr·weightDecay·P − lr·r·UVᵀ, with the orthogonalized momentum of a matrix: UΣVᵀ becomes roughly UVᵀ.
///
/// For a matrix P (A × B) with gradient G:
///
///     B ← μB + (1−μ)G                            [momentum_buffer]
///     X = μB + (1−μ)G                            with `nesterov`; otherwise X = B
///     X ← X / max(‖X‖, ε)                        the Frobenius norm
///     X ← aX + (bA + cA²)X,  A = XXᵀ             `steps` times: singular values approach 1
///     P ← (1 − lr·weightDecay) P − lr·r·X
///
/// r is √max(1, A/B) or another factor of ``MuonAdjustment``. ``MuonOrthogonalization/polar`` replaces the iteration with
/// the exact factor UVᵀ.
///
/// Muon is for hidden matrices. Use ``AdamW`` or ``Adafactor`` for embeddings, heads, biases and gains. One call divides the
/// parameters of a model:
///
///     let optimizer = try MultiOptimizer(
///       model.parameters, hiddenMatrices: Muon.Options(learningRate: 0.02),
///       rest: AdamW.Options(learningRate: 3e-4),
///       excluding: ["embed", "lm_head"])
///
/// The initializer refuses parameters that don't have two axes. A gradient of zeros only decays P. A NaN in a gradient makes
/// the whole matrix NaN. Matrix products take most of the time. A and A² are symmetric, so only half of each is computed. A
/// matrix with more rows than columns uses A = XᵀX.
///
/// It matches `torch.optim.Muon`, apart from torch's rounding to BFloat16. Differences from other implementations:
/// - The iteration runs in Float32, or in Float64 for Float64 parameters. Torch rounds X, A and A² to BFloat16 in each step,
///   which changes an update by a few percent.
/// - The momentum of a 16-bit parameter is kept in Float32. Torch keeps it in the gradient's type.
/// - A momentum of at least 1 is refused.
/// - Keller Jordan's Muon divides by ‖X‖ + 10⁻⁷. Optax corrects the bias of B and treats rows as inputs. In mlx-swift the
///   decay is a part of the gradient.
///
/// Reference: Keller Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024); Liu et al., "Muon is
/// Scalable for LLM Training" (2025), arXiv:2502.16982, for ``MuonAdjustment/matchRMSAdamW``.
public typealias Muon = RuleOptimizer<MuonOptions>

/// AdamW: P ← P − lr·weightDecay·P − lr · m̂ / (√v̂ + ε), with averages m and v of gradients and their squares.
///
/// For a parameter P with gradient G at step t, counted from 1, element by element:
///
///     m ← β₁ m + (1−β₁) g                        [exp_avg]
///     v ← β₂ v + (1−β₂) g²                       [exp_avg_sq]
///     m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)      with `biasCorrection`; otherwise m̂ = m and v̂ = v
///     P ← P − lr·weightDecay·P − lr · m̂ / (√v̂ + ε)
///
/// With `amsgrad`, v̂ uses the largest v so far. With `maximize`, g is −G.
///
///     let optimizer = try AdamW(
///       model.parameters, options: .init(learningRate: 3e-4, weightDecay: 0.1))
///     for batch in batches {
///       model.setGradients(for: batch)
///       try optimizer.step()
///     }
///
/// Results match `torch.optim.AdamW`, and have the same bits for any number of threads. Parameter, gradient and both
/// moments are read once, and all but the gradient are written once. Differences from other implementations:
/// - 16-bit parameters keep their moments in Float32; torch keeps them in the parameter's type.
/// - The decay subtracts lr·weightDecay·P. Torch multiplies P by 1 − lr·weightDecay rounded to Float, which for
///   lr·weightDecay = 10⁻⁵ is off by up to 0.3 % of the decay.
/// - ε is added after the bias correction, as in torch and optax. TensorFlow adds it before, which makes its ε larger by
///   1/√(1 − β₂ᵗ).
/// - Without bias correction this is BERT's AdamW, which also decays P before the update.
///
/// With a policy other than `propagate`, each gradient is read once before the update, and a gradient counts as not
/// finite if a square overflows. With `propagate`, the update itself detects moments and updates that are not finite, and
/// the report names their parameters.
///
/// Reference: Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019), arXiv:1711.05101; AMSGrad: Reddi,
/// Kale and Kumar, "On the Convergence of Adam and Beyond" (2018), arXiv:1904.09237.
public typealias AdamW = RuleOptimizer<AdamWOptions>

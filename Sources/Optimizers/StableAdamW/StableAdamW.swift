/// StableAdamW: AdamW with Adafactor's clipping, which divides the rate by the RMS of the update if that is above 1.
///
/// For a parameter P with gradient G at its step t, counted from 1:
///
///     β̂ = (βᵗ − β) / (βᵗ − 1)                     for β₁ and β₂: the decay with its bias corrected, 0 at t = 1
///     m ← β̂₁ m + (1 − β̂₁) g                      [exp_avg]
///     v ← β̂₂ v + (1 − β̂₂) g²                     [exp_avg_sq]
///     η = lr / max(1, √mean(g² / max(v, ε²)))      one number per parameter
///     P ← P − η·weightDecay·P − η·m / (√v + ε)
///
/// With `maximize` g is −G, otherwise G. If v is too small for the gradient, as happens when a gradient suddenly grows, η
/// shrinks, so gradients need no clipping. The weight decay shrinks with η.
///
///     let optimizer = try StableAdamW(
///       model.parameters, options: .init(learningRate: 1e-3, beta2: 0.99))
///     for batch in batches {
///       model.setGradients(for: batch)
///       try optimizer.step()
///     }
///
/// State: two numbers per element, as in ``AdamW``. It matches `optimi.StableAdamW` in the package torch-optimi. Each
/// parameter is one task, so two threads work on two parameters. <doc:StableAdamWExplained> explains when to use it.
///
/// Differs from torch-optimi:
/// - t counts the steps of the parameter. torch-optimi counts the steps of the group, with or without a gradient.
/// - ε² follows the option. In torch-optimi it is fixed at the first step.
/// - 16-bit parameters keep m and v in Float32, and the update is rounded according to ``StableAdamWOptions/rounding``.
///   ``Rounding/compensated`` corresponds to torch-optimi's `kahan_sum`.
/// - There is no `decouple_lr`, which divides the weight decay by `max_lr`. Divide it yourself.
///
/// References: Wortsman et al., "Stable and low-precision training for large-scale vision-language models" (2023),
/// arXiv:2304.13013; torch-optimi 0.3.3.
public typealias StableAdamW = RuleOptimizer<StableAdamWOptions>

/// Schedule-free AdamW: AdamW with an average of its weights instead of momentum and a schedule.
///
/// z takes the steps, x is the weighted average of z, and gradients are computed at y, between the two. During training the
/// parameter holds y. Step t, counted from 1, with gradient G at y, for every element:
///
///     η = lr · min(1, t / warmupSteps);   w = t^r · (the largest η so far)^ratePower;   W ← W + w;   c = w / W
///     v ← β₂ v + (1 − β₂) G²                                          [exp_avg_sq]
///     u = G / (√(v / (1 − β₂ᵗ)) + ε) + weightDecay · y
///     y ← y + c (z − y) − η (1 − β₁(1 − c)) u
///     z ← z − η u                                                     [z, P before the first step]
///
/// The weights for evaluation and use are x = y + (1 − 1/β₁)(z − y). ``Optimizer/eval()`` sets the parameters to x, and
/// ``Optimizer/train()`` sets them back to y:
///
///     let optimizer = try ScheduleFreeAdamW(
///       model.parameters, options: .init(warmupSteps: 100))
///     for epoch in epochs {
///       optimizer.train()
///       for batch in epoch {
///         model.setGradients(for: batch)
///         try optimizer.step()
///       }
///       optimizer.eval()
///       print(evaluate(model))
///     }
///     try model.save()
///
/// State: z and v, two numbers per element, and in evaluation mode also y. It matches the package schedulefree. Each parameter
/// is one task, so two threads work on two parameters. <doc:ScheduleFree> explains the modes, checkpoints and files.
///
/// Differs from schedulefree:
/// - An optimizer starts in training mode.
/// - The step count, W, the largest η and the mode belong to a parameter rather than a group. A step in which a parameter
///   has no gradient is not counted for it.
/// - `train()` restores the y from before `eval()` bit for bit, unless you set other values in between. schedulefree
///   computes it from x, and each pair of calls rounds.
/// - The update of a 16-bit parameter is rounded once, according to ``ScheduleFreeAdamWOptions/rounding``, and z is Float32.
/// - β₁ = 0 is refused. schedulefree fails at the first evaluation.
/// - Gradients are not overwritten.
///
/// Reference: Defazio et al., "The Road Less Scheduled" (2024), arXiv:2405.15682; schedulefree 1.4.1 with `foreach=False`.
public typealias ScheduleFreeAdamW = RuleOptimizer<ScheduleFreeAdamWOptions>

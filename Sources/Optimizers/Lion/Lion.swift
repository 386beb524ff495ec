/// Lion: P ← P − lr·weightDecay·P − lr·sign(β₁ m + (1−β₁) G), with an average m of gradients.
///
/// For a parameter P with gradient G, element by element:
///
///     P ← P − lr·weightDecay·P − lr·sign(β₁ m + (1−β₁) g)
///     m ← β₂ m + (1−β₂) g                        [exp_avg]
///
/// With `maximize` g is −G, otherwise G. The sign of 0 is 0. Every other element moves by `lr`, regardless of its gradient's
/// size. Lion therefore needs a rate 3 to 10 times smaller than ``AdamW``, and a weight decay larger by the same factor.
///
///     let optimizer = try Lion(
///       model.parameters, options: .init(learningRate: 1e-4, weightDecay: 0.1))
///     for batch in batches {
///       model.setGradients(for: batch)
///       try optimizer.step()
///     }
///
/// State: one number per element, half as many as AdamW's. The update matches the package lion-pytorch, and has the same
/// bits for any number of threads.
///
/// Differs from lion-pytorch:
/// - A NaN in the gradient makes the element of the parameter NaN. In lion-pytorch the sign of NaN is 0: the element's
///   momentum stays NaN, and the element never moves again, without any indication in the weights.
/// - 16-bit parameters keep m in Float32, and the update is rounded according to ``LionOptions/rounding``.
/// - The decay subtracts lr·weightDecay·P. lion-pytorch multiplies P by 1 − lr·weightDecay, rounded to Float.
/// - There is no `decoupled_weight_decay`, which divides the weight decay by the first learning rate. Divide it yourself.
///
/// Reference: Chen et al., "Symbolic Discovery of Optimization Algorithms" (2023), arXiv:2302.06675; lion-pytorch 0.2.5.
public typealias Lion = RuleOptimizer<LionOptions>

/// SGD: P ← P − lr·m, with the momentum m of gradients.
///
/// For a parameter P with gradient G, element by element:
///
///     g ← G + weightDecay·P                      with `maximize`: −G + weightDecay·P
///     m ← momentum·m + (1 − dampening)·g         [momentum_buffer]; m ← g the first time that m is used
///     d = m                                      with `nesterov`: g + momentum·m; with a momentum of 0: g
///     P ← P − lr·d
///
///     let optimizer = try SGD(model.parameters, options: .init(learningRate: 0.1, momentum: 0.9, nesterov: true))
///     for batch in batches {
///       model.setGradients(for: batch)
///       try optimizer.step()
///     }
///
/// The weight decay is coupled: it is a part of the gradient and passes through the momentum. In ``AdamW`` and all other
/// rules of this library it is decoupled.
///
/// State: one number per element with momentum, and none without. The update matches `torch.optim.SGD`, and has the same
/// bits for any number of threads.
///
/// Differs from torch:
/// - 16-bit parameters keep their momentum in Float32. Torch keeps it in the parameter's type.
/// - The state counts the steps of its parameter, which doesn't affect the update. Torch has no step count.
///
/// Reference: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep learning"
/// (2013); `torch.optim.SGD`.
public typealias SGD = RuleOptimizer<SGDOptions>

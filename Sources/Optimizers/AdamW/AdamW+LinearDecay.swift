import Schedules

extension AdamW {
  /// Creates an AdamW and a scheduler with linear warmup and polynomial decay: the reference's `create_optimizer`.
  ///
  /// The rate rises from 0 to `initialRate` over `warmupSteps`, then falls to `initialRate · minimumRateRatio` at
  /// `trainingSteps` and stays there. Call the scheduler's `step()` after each step of the optimizer.
  ///
  ///     let (optimizer, scheduler) = try AdamW.withLinearDecay(
  ///       model.parameters, initialRate: 5e-5, trainingSteps: 10_000, warmupSteps: 500,
  ///       weightDecay: 0.01)
  ///
  /// With `weightDecay` above 0, parameters with names that match `LayerNorm`, `layer_norm` or `bias` don't decay, unless
  /// a pattern in `includedInWeightDecay` matches too: see ``WeightDecayPatterns``. They form a separate group.
  ///
  /// The update is torch's, which adds ε after the bias correction. The reference's update is TensorFlow's, which adds it
  /// before.
  ///
  /// - Parameters:
  ///   - parameters: At least one parameter, each listed once and with a unique name.
  ///   - initialRate: The rate at the end of the warmup. Above 0.
  ///   - trainingSteps: The total number of steps, including the warmup.
  ///   - warmupSteps: The number of warmup steps; 0 for none.
  ///   - minimumRateRatio: The final rate as a fraction of `initialRate`. At least 0 and below 1.
  ///   - beta1: The decay of the first moment.
  ///   - beta2: The decay of the second moment.
  ///   - epsilon: ε, added to the root of the second moment.
  ///   - weightDecay: The weight decay of the parameters that decay.
  ///   - power: The exponent of the decay; 1 for a linear decay.
  ///   - includedInWeightDecay: Patterns for names of parameters that always decay.
  /// - Throws: `OptimizerError` and `ScheduleError` for settings out of range, and for parameters or patterns that cannot
  ///   be used.
  public static func withLinearDecay(
    _ parameters: [Parameter], initialRate: Double, trainingSteps: Int, warmupSteps: Int,
    minimumRateRatio: Double = 0, beta1: Double = Options().beta1, beta2: Double = Options().beta2,
    epsilon: Double = Options().epsilon, weightDecay: Double = 0, power: Double = 1,
    includedInWeightDecay: [String] = []
  ) throws -> (optimizer: AdamW, scheduler: LearningRateScheduler) {
    let options = Options(
      learningRate: initialRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
    let schedule = try PolynomialSchedule(
      warmupSteps: warmupSteps, trainingSteps: trainingSteps, endRate: initialRate * minimumRateRatio,
      power: power)
    let groups =
      weightDecay == 0
      ? [ParameterGroup(parameters, options: options)]
      : try WeightDecayPatterns(
        including: includedInWeightDecay, excluding: ["LayerNorm", "layer_norm", "bias"]
      ).groups(of: parameters, options: options)
    let optimizer = try AdamW(groups: groups)
    return (optimizer, try LearningRateScheduler(optimizer, schedule))
  }
}

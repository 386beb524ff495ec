/// The linear warmup of most schedules: s / max(1, W) while s < W, nothing after.
///
/// With W = 0 there is none; the first step of any other has the rate 0.
func linearWarmup(at step: Int, warmupSteps: Int) -> Double? {
  step < warmupSteps ? Double(step) / Double(max(1, warmupSteps)) : nil
}

/// The part of the decay that is done, (s − W) / max(1, T − W): 0 at s = W, 1 at s = T, above 1 after it.
func decayProgress(at step: Int, warmupSteps: Int, trainingSteps: Int) -> Double {
  Double(step - warmupSteps) / Double(max(1, trainingSteps - warmupSteps))
}

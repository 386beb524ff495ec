/// Returns the linear warmup of most schedules: s / max(1, W) if s < W, or else nil.
///
/// With W = 0 there is no warmup. Any other warmup has the rate 0 at its first step.
func linearWarmup(at step: Int, warmupSteps: Int) -> Double? {
  step < warmupSteps ? Double(step) / Double(max(1, warmupSteps)) : nil
}

/// Returns the completed fraction of the decay, (s − W) / max(1, T − W): 0 at s = W, 1 at s = T, and above 1
/// after that.
func decayProgress(at step: Int, warmupSteps: Int, trainingSteps: Int) -> Double {
  Double(step - warmupSteps) / Double(max(1, trainingSteps - warmupSteps))
}

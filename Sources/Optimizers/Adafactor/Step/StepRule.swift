/// What the hyperparameters come to at one step of one parameter.
struct StepRule {
  /// The rate before parameter scaling.
  var rate: Double
  /// The least RMS(P) that scales the rate, or nil where the rate is not scaled.
  var leastScale: Double?
  /// d, the RMS of updates above which they are scaled down.
  var clipThreshold: Double
  /// Weight decay, before it is multiplied by the step size.
  var weightDecay: Double
  /// The coefficient of the average of updates, or nil for none.
  var beta1: Double?
}

/// What a tensor's statistics led to, before anything was written.
struct StepDecision {
  /// RMS(P) before the step, where it scales the step size.
  var rootMeanSquare: Double?
  /// α = rate · max(ε₂, RMS(P)), the step size.
  var stepSize: Double
  /// RMS(U) of the unclipped update; NaN or infinite where the gradient was.
  var updateRootMeanSquare: Double
  /// α / max(1, RMS(U)/d), what the unclipped update is multiplied by.
  var factor: Double

  /// Whether the update can be written without making the parameter NaN.
  var isFinite: Bool { updateRootMeanSquare.isFinite }
}

extension StepRule {
  /// α = rate · max(ε₂, RMS(P)), or the rate alone where it is not scaled.
  func stepSize(rootMeanSquare: Double?) -> Double {
    guard let leastScale else { return rate }
    // Written so that a NaN in the parameter leaves the least scale, as the reference does.
    let scale = rootMeanSquare ?? 0
    return rate * (scale > leastScale ? scale : leastScale)
  }

  /// α and the clip factor, from Σ p² and Σ u² of `count` elements.
  func decide(squares: Double?, updateSquares: Double, count: Int) -> StepDecision {
    let count = Double(max(1, count))
    // Where no scale needs it, it is not reported either: whether it happens to be known differs after a resume.
    let rootMeanSquare = leastScale == nil ? nil : squares.map { ($0 / count).squareRoot() }
    let stepSize = stepSize(rootMeanSquare: rootMeanSquare)
    let updateRMS = (updateSquares / count).squareRoot()
    let excess = updateRMS / clipThreshold
    // `max(1, .nan)` would be 1 and hide the NaN.
    let divisor = excess <= 1 ? 1 : excess
    return StepDecision(
      rootMeanSquare: rootMeanSquare, stepSize: stepSize, updateRootMeanSquare: updateRMS,
      factor: stepSize / divisor)
  }
}

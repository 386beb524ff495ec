import KernelInterface
import RealModule

/// The hyperparameters of Adafactor at one step.
struct AdafactorHyperparameters {
  /// The learning rate before parameter scaling.
  var rate: Double
  /// ε₂, the minimum RMS(P) that scales the rate; nil if the rate is not scaled.
  var leastScale: Double?
  /// d, the RMS of updates above which they are scaled down.
  var clipThreshold: Double
  /// The weight decay before multiplication by the step size.
  var weightDecay: Double
  /// The coefficient of the average of updates; nil for none.
  var beta1: Double?
  /// β = 1 − t^decayRate, the decay of second moments.
  var decay: Double
  /// 1 − β, computed as t^decayRate. As the difference 1 − β, it would lose one digit with every tenfold of t.
  var weight: Double
  /// ε₁, added to squared gradients.
  var epsilon: Double

  /// Creates the hyperparameters of step `step`, counted from 1.
  init(_ options: AdafactorOptions, step: Int) {
    rate = options.learningRate.rate(at: step)
    leastScale = options.scaleParameter ? options.parameterScaleEpsilon : nil
    clipThreshold = options.clipThreshold
    weightDecay = options.weightDecay
    beta1 = options.beta1
    weight = Double.pow(Double(step), options.decayRate)
    decay = 1 - weight
    epsilon = options.squaredGradientEpsilon
  }

  /// Returns α = rate · max(ε₂, RMS(P)), or the rate if it is not scaled.
  func stepSize(rootMeanSquare: Double?) -> Double {
    guard let leastScale else { return rate }
    // Written so that a NaN in the parameter gives the minimum scale, as in the reference.
    let scale = rootMeanSquare ?? 0
    return rate * (scale > leastScale ? scale : leastScale)
  }

  /// Decides α and the clip factor from Σ p² and Σ u² of `count` elements, for moments of a type.
  func decide(
    squares: Double, updateSquares: Double, count: Int, in type: ScalarType
  ) -> AdafactorDecision {
    let count = Double(max(1, count))
    // Don't report it if no scale needs it: after a resume it may not be known, and reports would differ.
    let rootMeanSquare = leastScale == nil ? nil : (squares / count).squareRoot()
    let stepSize = stepSize(rootMeanSquare: rootMeanSquare)
    let updateRMS = (updateSquares / count).squareRoot()
    let excess = updateRMS / clipThreshold
    // `max(1, .nan)` would be 1 and hide the NaN.
    let divisor = excess <= 1 ? 1 : excess
    let factor = stepSize / divisor
    // No element of the clipped update is larger than the root of the sum of their squares.
    let largest = max(factor * updateSquares.squareRoot(), stepSize * max(1, weightDecay))
    return AdafactorDecision(
      rootMeanSquare: rootMeanSquare, stepSize: stepSize, factor: factor,
      isFinite: updateRMS.isFinite && largest <= type.greatestFiniteMagnitude)
  }
}

/// The decision that follows from a tensor's statistics, before anything is written.
struct AdafactorDecision {
  /// RMS(P) before the step, if it scales the step size.
  var rootMeanSquare: Double?
  /// α = rate · max(ε₂, RMS(P)), the step size.
  var stepSize: Double
  /// α / max(1, RMS(U)/d), the factor of the unclipped update.
  var factor: Double
  /// Whether RMS(U), α and the update are finite, so that the parameter can be written without making it NaN.
  var isFinite: Bool
}

extension ScalarType {
  /// The smallest subnormal number of an arithmetic type.
  var leastNonzeroMagnitude: Double {
    self == .float64 ? .leastNonzeroMagnitude : Double(Float.leastNonzeroMagnitude)
  }
}

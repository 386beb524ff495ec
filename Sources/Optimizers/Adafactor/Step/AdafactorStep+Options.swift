import Kernels
import RealModule
import Tensors

extension Adafactor.Options {
  /// The phases of step `state.step + 1` of one tensor.
  ///
  /// - Parameters:
  ///   - parameter: P, which the step changes.
  ///   - gradient: G, of the same shape.
  ///   - gradientScale: What G is multiplied by as it is read.
  ///   - shape: The shape of both.
  ///   - state: The moments, which the step changes; everything else of the state the caller does.
  ///   - squaresBefore: Σ p², where it is known.
  func adafactorStep(
    parameter: MutableElements, gradient: Elements, gradientScale: Double, shape: Shape,
    state: inout Adafactor.State, squaresBefore: Double?
  ) -> AdafactorStep {
    let step = state.step + 1
    // 1 − β is this power itself: as a difference from 1 it would lose its digits, one for every tenfold of t.
    let weight = Double.pow(Double(step), decayRate)
    return AdafactorStep(
      BlockPartition(dimensions: shape.dimensions, factored: state.rowMoments != nil),
      parameter: parameter, gradient: gradient, gradientScale: gradientScale,
      moments: state.addresses(averagingUpdates: beta1 != nil),
      average: (decay: 1 - weight, weight: weight, epsilon: squaredGradientEpsilon),
      rule: StepRule(
        rate: stepSize.rate(at: step), leastScale: scaleParameter ? parameterScaleEpsilon : nil,
        clipThreshold: clipThreshold, weightDecay: weightDecay, beta1: beta1),
      squaresBefore: squaresBefore)
  }
}

extension Adafactor.State {
  /// Takes note of a step whose moments have been written.
  mutating func advance(_ decision: StepDecision) {
    step += 1
    rootMeanSquare = decision.rootMeanSquare
  }
}

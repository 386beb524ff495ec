import KernelInterface
import RealModule
import Tensors

/// The rule as a value: options and a state make a step of one tensor.
extension AdamW.Options: UpdateRule {
  var scheduledRate: Double? { learningRate }

  mutating func setScheduledRate(_ rate: Double) { learningRate = rate }

  func initialState(shape: Shape, scalarType: ScalarType) -> AdamW.State {
    AdamW.State(shape: shape, scalarType: scalarType, hasMaximum: amsgrad)
  }

  var needsOptionalMoments: Bool { amsgrad }

  func step(of tensor: SteppedTensor, state: inout AdamW.State) -> AdamWStep {
    let moments = AdamWMoments(
      first: state.firstMoments.mutableElements(), second: state.secondMoments.mutableElements(),
      maximum: amsgrad ? state.maximum?.mutableElements() : nil)
    let step = state.step + 1
    return AdamWStep(
      tensor, gradientScale: maximize ? -tensor.gradientScale : tensor.gradientScale, moments: moments,
      rule: rule(at: step),
      change: ParameterChange(
        shrinkage: learningRate * weightDecay,
        rounding: rounding.rounding(
          of: tensor, step: step, seed: roundingSeed, residual: state.residual?.mutableElements())))
  }

  /// The numbers of step `step`, counted from 1.
  ///
  /// With c₁ = 1 − β₁ᵗ and c₂ = 1 − β₂ᵗ: lr · (m/c₁) / (√(v/c₂) + ε) = (lr √c₂ / c₁) · m / (√v + ε√c₂). This form leaves
  /// one root and one quotient an element.
  func rule(at step: Int) -> AdamWRule {
    let correction1 = biasCorrection ? 1 - Double.pow(beta1, Double(step)) : 1
    let correction2 = biasCorrection ? (1 - Double.pow(beta2, Double(step))).squareRoot() : 1
    return AdamWRule(
      beta1: beta1, beta2: beta2, factor: learningRate * correction2 / correction1,
      epsilon: epsilon * correction2)
  }

  func advance(_ state: inout AdamW.State, after step: AdamWStep) { state.step += 1 }
}

import KernelInterface
import RealModule
import Tensors

/// The rule as a value: options and a state make a step of one tensor.
extension Adafactor.Options: UpdateRule {
  var scheduledRate: Double? {
    if case .constant(let rate) = learningRate { rate } else { nil }
  }

  mutating func setScheduledRate(_ rate: Double) {
    guard case .constant = learningRate else {
      preconditionFailure("A group with relative steps has no learning rate to set: it was given \(rate).")
    }
    learningRate = .constant(rate)
  }

  func initialState(shape: Shape, scalarType: ScalarType) -> Adafactor.State {
    Adafactor.State(shape: shape, scalarType: scalarType, hasFirstMoments: beta1 != nil)
  }

  var needsOptionalMoments: Bool { beta1 != nil }

  func step(of tensor: SteppedTensor, state: inout Adafactor.State) -> AdafactorStep {
    let step = state.step + 1
    // 1 − β is this power itself: as a difference from 1 it would lose its digits, one for every tenfold of t.
    let weight = Double.pow(Double(step), decayRate)
    return AdafactorStep(
      BlockPartition(dimensions: tensor.shape.dimensions, factored: state.rowMoments != nil),
      parameter: tensor.parameter, gradient: tensor.gradient, gradientScale: tensor.gradientScale,
      mayComeFromMemory: tensor.mayComeFromMemory,
      moments: state.addresses(averagingUpdates: beta1 != nil),
      average: (decay: 1 - weight, weight: weight, epsilon: squaredGradientEpsilon),
      rule: rule(at: step),
      rounding: rounding.rounding(
        of: tensor, step: step, seed: roundingSeed, residual: state.residual?.mutableElements()),
      squaresBefore: tensor.squaresBefore)
  }

  func advance(_ state: inout Adafactor.State, after step: AdafactorStep) {
    state.step += 1
    state.rootMeanSquare = step.decision?.rootMeanSquare
  }
}

extension Adafactor.Options {
  /// What these options come to at step `step`, counted from 1.
  func rule(at step: Int) -> StepRule {
    StepRule(
      rate: learningRate.rate(at: step), leastScale: scaleParameter ? parameterScaleEpsilon : nil,
      clipThreshold: clipThreshold, weightDecay: weightDecay, beta1: beta1)
  }
}

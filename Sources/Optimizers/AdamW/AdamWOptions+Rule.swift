import KernelInterface
import RealModule
import Tensors

extension AdamWOptions: PhasedRule, RoundedRule {
  /// `adamw`.
  public static var name: String { "adamw" }

  /// Returns a state of zeros: m and v, and with `amsgrad` the maximum.
  public func initialState(shape: Shape, scalarType: ScalarType) -> AdamWState {
    AdamWState(shape: shape, scalarType: scalarType, hasMaximum: amsgrad)
  }

  package static func preparedStep(
    of group: RuleGroup<Self>, _ layout: StepLayout, state: AdamWState?, kernels: KernelTable
  ) -> any PreparedStep {
    AdamWStep(group, layout, state: state, kernels: kernels.adamW[layout.scalarType, layout.gradientType])
  }

  /// Throws an error for moments or a residual that don't fit the parameter.
  public func check(
    _ state: AdamWState, parameter: String, shape: Shape, scalarType: ScalarType
  ) throws(OptimizerError) {
    try checkStep(state.step, of: parameter)
    func check(_ name: String, _ tensor: Tensor) throws(OptimizerError) {
      try checkMoments(
        name, tensor, parameter: parameter, shape: shape, type: scalarType.arithmeticType)
    }
    try check("first moments", state.firstMoments)
    try check("second moments", state.secondMoments)
    if let maximum = state.maximum { try check("maximum", maximum) }
    try checkResidual(state.residual, parameter: parameter, shape: shape, scalarType: scalarType)
  }

  /// Returns the factors of step `step`, counted from 1.
  ///
  /// With c₁ = 1 − β₁ᵗ and c₂ = 1 − β₂ᵗ: lr · (m/c₁) / (√(v/c₂) + ε) = (lr √c₂ / c₁) · m / (√v + ε√c₂). This form needs
  /// only one root and one quotient per element.
  func factors(at step: Int) -> AdamWFactors {
    let (c1, c2) = corrections(at: step)
    return AdamWFactors(
      beta1: beta1, beta2: beta2, factor: learningRate * c2.squareRoot() / c1,
      epsilon: epsilon * c2.squareRoot())
  }

  private func corrections(at step: Int) -> (Double, Double) {
    biasCorrection
      ? (1 - Double.pow(beta1, Double(step)), 1 - Double.pow(beta2, Double(step))) : (1, 1)
  }
}

// MARK: Specification

extension AdamWOptions {
  /// Takes one step of one parameter, in plain loops in Double: the specification of `AdamWStep`. See ``AdamW`` for the
  /// equations.
  public func update(_ parameter: inout Tensor, gradient: Tensor, state: inout AdamWState) {
    var p = parameter.scalars(as: Double.self)
    let g = gradient.scalars(as: Double.self).map { maximize ? -$0 : $0 }
    var m = state.firstMoments.scalars(as: Double.self)
    var v = state.secondMoments.scalars(as: Double.self)
    var maximum = amsgrad ? state.maximum?.scalars(as: Double.self) ?? v.map { _ in 0 } : v
    let (c1, c2) = corrections(at: state.step)
    for k in p.indices {
      m[k] = beta1 * m[k] + (1 - beta1) * g[k]
      v[k] = beta2 * v[k] + (1 - beta2) * g[k] * g[k]
      // Written so that NaN is kept.
      maximum[k] = amsgrad && v[k] <= maximum[k] ? maximum[k] : v[k]
      let update = (m[k] / c1) / ((maximum[k] / c2).squareRoot() + epsilon)
      p[k] = p[k] - learningRate * weightDecay * p[k] - learningRate * update
    }
    state.firstMoments = Tensor(m, like: state.firstMoments)
    state.secondMoments = Tensor(v, like: state.secondMoments)
    if amsgrad { state.maximum = Tensor(maximum, like: state.secondMoments) }
    parameter = Tensor(p, like: parameter)
  }
}

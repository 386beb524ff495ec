import KernelInterface
import RealModule
import Tensors

extension ScheduleFreeAdamWOptions: RoundedRule {
  /// `schedule_free_adamw`.
  public static var name: String { "schedule_free_adamw" }

  /// Returns a state in training mode.
  public func initialState(shape: Shape, scalarType: ScalarType) -> ScheduleFreeAdamWState {
    ScheduleFreeAdamWState(shape: shape, scalarType: scalarType)
  }

  /// Throws an error for tensors that don't fit the parameter, and for numbers that no step produces.
  public func check(
    _ state: ScheduleFreeAdamWState, parameter: String, shape: Shape, scalarType: ScalarType
  ) throws(OptimizerError) {
    try checkStep(state.step, of: parameter)
    try checkResidual(state.tensors[residualName], parameter: parameter, shape: shape, scalarType: scalarType)
    for name in Set(["z", "exp_avg_sq"]).union(state.tensors.keys).subtracting([residualName]).sorted() {
      let isKnown = ["z", "exp_avg_sq"].contains(name) || name == "y" && !state.isTraining
      try checkMoments(
        name, state.tensors[name], parameter: parameter, shape: isKnown ? shape : nil,
        type: name == "y" ? scalarType : scalarType.arithmeticType)
    }
    func check(_ part: String, _ holds: (Double) -> Bool, _ requirement: String) throws(OptimizerError) {
      let value = state.numbers[part]!
      try OptimizerError.require(
        holds(value), "The \(part) of \"\(parameter)\"", value, requirement)
    }
    try check("weight_sum", { $0 >= 0 && $0.isFinite }, "a sum of weights must be finite and not negative")
    try check(
      "lr_max", { $0 >= -1 && $0.isFinite }, "it must be a learning rate, or -1 before the first step")
    try check("train_mode", { $0 == 0 || $0 == 1 }, "it must be 1 for training or 0 for evaluation")
  }

  /// Throws an error if the parameter holds its evaluation weights.
  public func checkBeforeStep(
    _ state: ScheduleFreeAdamWState, parameter: String
  ) throws(OptimizerError) {
    guard state.isTraining else { throw .inEvaluationMode(parameter: parameter) }
  }

  /// Takes one step of one parameter; see ``ScheduleFreeAdamW`` for the equations.
  public func update(_ parameter: inout Tensor, gradient: Tensor, state: inout ScheduleFreeAdamWState) {
    let step = Double(state.step)
    let rate = learningRate * (state.step <= warmupSteps ? step / Double(warmupSteps) : 1)
    state.largestRate = max(rate, state.largestRate)
    // As in Python, any number to the power of 0 is 1.
    let weight = Double.pow(step, averagingPower) * (ratePower == 0 ? 1 : .pow(state.largestRate, ratePower))
    state.weightSum += weight
    let c = state.weightSum == 0 ? 0 : weight / state.weightSum
    parameter.scalarType == .float64
      ? update(&parameter, gradient, &state.moments, rate: rate, c, Double.self)
      : update(&parameter, gradient, &state.moments, rate: rate, c, Float.self)
  }

  private func update<Scalar: ArithmeticScalar>(
    _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout MomentState, rate: Double, _ share: Double,
    _: Scalar.Type
  ) {
    func elements(_ name: String) -> UnsafeMutablePointer<Scalar> {
      state[name].mutableElements().address.assumingMemoryBound(to: Scalar.self)
    }
    let (z, v) = (elements("z"), elements("exp_avg_sq"))
    let (old, new) = (Scalar(beta2), Scalar(1 - beta2))
    let correction = Scalar(1 - Double.pow(beta2, Double(state.step)))
    let (ε, decay, c) = (Scalar(epsilon), Scalar(weightDecay), Scalar(share))
    let (η, ηy) = (Scalar(rate), Scalar(rate * (1 - beta1 * (1 - share))))
    parameter.withMutableElements(of: Scalar.self) { y in
      guard let start = y.baseAddress else { return }
      if state.step == 1 { z.update(from: start, count: y.count) }
      gradient.withElements(of: Scalar.self) { g in
        for i in y.indices {
          v[i] = old * v[i] + new * (g[i] * g[i])
          let u = g[i] / ((v[i] / correction).squareRoot() + ε) + decay * y[i]
          y[i] = y[i] + c * (z[i] - y[i]) - ηy * u
          z[i] -= η * u
        }
      }
    }
  }
}

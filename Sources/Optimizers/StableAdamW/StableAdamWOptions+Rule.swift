import KernelInterface
import Tensors

extension StableAdamWOptions: RoundedRule {
  /// `stable_adamw`.
  public static var name: String { "stable_adamw" }

  /// Returns zeros for `exp_avg` and `exp_avg_sq`.
  public func initialState(shape: Shape, scalarType: ScalarType) -> MomentState {
    MomentState([
      "exp_avg": Tensor(zeros: shape, as: scalarType), "exp_avg_sq": Tensor(zeros: shape, as: scalarType),
    ])
  }

  /// Takes one step of one parameter; see ``StableAdamW`` for the equations.
  public func update(_ parameter: inout Tensor, gradient: Tensor, state: inout MomentState) {
    parameter.scalarType == .float64
      ? update(&parameter, gradient, &state, Double.self) : update(&parameter, gradient, &state, Float.self)
  }

  private func update<Scalar: ArithmeticScalar>(
    _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout MomentState, _: Scalar.Type
  ) {
    let (m, v) = (
      state["exp_avg"].mutableElements().address.assumingMemoryBound(to: Scalar.self),
      state["exp_avg_sq"].mutableElements().address.assumingMemoryBound(to: Scalar.self)
    )
    let (new1, new2) = (Scalar(newShare(beta1, state.step)), Scalar(newShare(beta2, state.step)))
    let (sign, ε): (Scalar, Scalar) = (maximize ? -1 : 1, Scalar(epsilon))
    parameter.withMutableElements(of: Scalar.self) { p in
      gradient.withElements(of: Scalar.self) { g in
        var sum = 0.0
        for i in p.indices {
          let square = g[i] * g[i]
          m[i] += new1 * (sign * g[i] - m[i])
          v[i] += new2 * (square - v[i])
          sum += Double(square / (v[i] < ε * ε ? ε * ε : v[i]))
        }
        // As in the reference, a NaN in v makes the sum NaN, which clips nothing. Other elements stay finite.
        let rms = (sum / Double(p.count)).squareRoot()
        let η = rms > 1 ? learningRate / rms : learningRate
        let (rate, shrinkage) = (Scalar(η), Scalar(η * weightDecay))
        for i in p.indices { p[i] = p[i] - shrinkage * p[i] - rate * (m[i] / (v[i].squareRoot() + ε)) }
      }
    }
  }

  /// Returns 1 − β̂ = (1 − β) / (1 − βᵗ), the weight of the new gradient. It is 1 at t = 1.
  private func newShare(_ β: Double, _ step: Int) -> Double { (1 - β) / (1 - Double.pow(β, Double(step))) }
}

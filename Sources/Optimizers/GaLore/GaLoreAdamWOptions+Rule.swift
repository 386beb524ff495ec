import RealModule
import Tensors

extension GaLoreAdamWOptions: RoundedRule {
  /// `galore_adamw`.
  public static var name: String { "galore_adamw" }

  /// True.
  public static var multipliesMatrices: Bool { true }

  /// Returns the shapes of the moments of a gradient.
  private static func moments(_ shape: Shape) -> [String: Shape] { ["exp_avg": shape, "exp_avg_sq": shape] }

  /// Returns the shapes of the state's tensors at the first step, or for a state that has tensors of the shapes `before`.
  package func stateShapes(of shape: Shape, before: [String: Shape] = [:]) -> [String: Shape] {
    projection.stateShapes(of: shape, before: before, moments: Self.moments)
  }

  /// Returns zeros under the reference's names, and zeros for the projectors, which the first step sets.
  public func initialState(shape: Shape, scalarType: ScalarType) -> MomentState {
    MomentState(stateShapes(of: shape).mapValues { Tensor(zeros: $0, as: scalarType.arithmeticType) })
  }

  /// Throws an error for projectors, moments or a residual that don't fit the parameter.
  public func check(
    _ state: MomentState, parameter: String, shape: Shape, scalarType: ScalarType
  ) throws(OptimizerError) {
    try projection.check(
      state, of: self, parameter: parameter, shape: shape, scalarType: scalarType, moments: Self.moments)
  }

  /// Takes one step of one parameter; see ``GaLoreAdamW`` for the equations.
  public func update(_ parameter: inout Tensor, gradient: Tensor, state: inout MomentState) {
    guard parameter.elementCount > 0 else { return }
    guard let gradient = projection.project(gradient, &state) else { return parameter.becomeNaN(&state) }
    state["exp_avg"].formMovingAverage(of: gradient, decay: beta1)
    state["exp_avg_sq"].formMovingAverage(of: gradient * gradient, decay: beta2)
    let update = state["exp_avg"] / (state["exp_avg_sq"].squareRoot() + epsilon)
    let t = Double(state.step)
    let stepSize =
      biasCorrection
      ? learningRate * (1 - Double.pow(beta2, t)).squareRoot() / (1 - .pow(beta1, t)) : learningRate
    parameter.add(projection.projectBack(update, state), scaledBy: -stepSize)
    if weightDecay > 0 { parameter -= parameter * (learningRate * weightDecay) }
  }
}

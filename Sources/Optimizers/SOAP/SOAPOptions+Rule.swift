import RealModule
import Tensors

extension SOAPOptions: RoundedRule {
  /// `soap`.
  public static var name: String { "soap" }

  /// True.
  public static var multipliesMatrices: Bool { true }

  /// Takes one step of one parameter; see ``SOAP`` for the equations. The first gradient only initializes the state.
  public func update(_ parameter: inout Tensor, gradient: Tensor, state: inout MomentState) {
    guard parameter.elementCount > 0 else { return }
    let basis = Eigenbasis(
      decay: shampooBeta ?? beta2, frequency: preconditionFrequency, spreadsRefresh: spreadsRefresh)
    guard gradient.hasFiniteSquares else { return parameter.becomeNaN(&state) }
    guard state.tensors["exp_avg"] != nil else {
      let axes = Eigenbasis.axes(
        of: parameter.shape, maxLength: maxPrecondDim, includesVectors: precondition1D)
      guard basis.initialize(&state, gradient: gradient, axes: axes) else {
        return parameter.becomeNaN(&state)
      }
      for name in ["exp_avg", "exp_avg_sq"] {
        state.tensors[name] = Tensor(zeros: parameter.shape, as: parameter.scalarType)
      }
      // It counts updates.
      state.step = 0
      return
    }

    let bases = Eigenbasis.bases(of: state, rank: parameter.shape.rank)
    let rotated = Eigenbasis.rotate(gradient, by: bases)
    state["exp_avg"].formMovingAverage(of: rotated, decay: beta1)
    state["exp_avg_sq"].formMovingAverage(of: rotated * rotated, decay: beta2)
    var update = state["exp_avg_sq"].squareRoot()
    update += epsilon
    update = Eigenbasis.rotate(state["exp_avg"] / update, by: bases, back: true)

    var stepSize = learningRate
    if biasCorrection {
      let (c1, c2) = (1 - Double.pow(beta1, Double(state.step)), 1 - Double.pow(beta2, Double(state.step)))
      stepSize *= c2.squareRoot() / c1
    }
    if normalizesUpdates { stepSize /= 1e-30 + update.rootMeanSquare() }
    parameter.add(update, scaledBy: -stepSize)
    // Not a factor of 1 − decay, which Float would round by up to 0.1 % of a decay of 3e-5.
    if weightDecay > 0 { parameter -= parameter * (learningRate * weightDecay) }
    basis.update(&state, gradient: gradient)
  }

  /// The shapes of the state's tensors, as the first gradient makes them.
  package func stateShapes(of shape: Shape) -> [String: Shape] {
    let axes = Eigenbasis.axes(of: shape, maxLength: maxPrecondDim, includesVectors: precondition1D)
    return Eigenbasis.shapes(of: shape, axes: axes, isSpread: spreadsRefresh)
      .merging(["exp_avg": shape, "exp_avg_sq": shape]) { $1 }
  }

  /// Throws an error for moments, bases or a residual that don't fit the parameter.
  public func check(
    _ state: MomentState, parameter: String, shape: Shape, scalarType: ScalarType
  ) throws(OptimizerError) {
    try checkEigenbasis(
      state, moments: ["exp_avg": shape, "exp_avg_sq": shape], parameter: parameter, shape: shape,
      scalarType: scalarType)
  }
}

extension Tensor {
  /// Becomes NaN, because the update is not finite, and takes back the count of the step: no basis can be computed from
  /// such a gradient, and the state stays as it was.
  mutating func becomeNaN(_ state: inout MomentState) {
    self = Tensor(repeating: .nan, shape: shape, as: scalarType)
    state.step -= 1
  }
}

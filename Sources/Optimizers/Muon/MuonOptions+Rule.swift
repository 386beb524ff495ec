import Tensors

extension MuonOptions: RoundedRule {
  /// `muon`.
  public static var name: String { "muon" }

  /// True.
  public static var multipliesMatrices: Bool { true }

  /// Throws an error for parameters that are not matrices, as torch does.
  public func check(shape: Shape, of parameter: String) throws(OptimizerError) {
    if shape.rank != 2 {
      throw .unsupportedShape(
        parameter: parameter, shape: shape,
        reason:
          "Muon only supports 2D parameters. Step it with AdamW or Adafactor; a MultiOptimizer with the argument "
          + "hiddenMatrices divides the parameters of a model")
    }
  }

  /// Returns a state with B = 0.
  public func initialState(shape: Shape, scalarType: ScalarType) -> MomentState {
    MomentState([Self.momentumBuffer: Tensor(zeros: shape, as: scalarType)])
  }

  private static var momentumBuffer: String { "momentum_buffer" }

  /// Takes one step of one parameter; see ``Muon`` for the equations.
  public func update(_ parameter: inout Tensor, gradient: Tensor, state: inout MomentState) {
    state[Self.momentumBuffer].formMovingAverage(of: gradient, decay: momentum)
    let buffer = state[Self.momentumBuffer]
    var update = nesterov ? gradient : buffer
    if nesterov { update.formMovingAverage(of: buffer, decay: 1 - momentum) }
    orthogonalization.apply(to: &update)
    let factor = adjustment.factor(rows: parameter.shape[0], columns: parameter.shape[1])
    parameter *= 1 - learningRate * weightDecay
    parameter.add(update, scaledBy: -learningRate * factor)
  }
}

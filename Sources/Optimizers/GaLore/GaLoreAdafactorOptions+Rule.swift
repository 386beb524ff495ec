import Tensors

extension GaLoreAdafactorOptions: RoundedRule {
  /// `galore_adafactor`.
  public static var name: String { "galore_adafactor" }

  /// True.
  public static var multipliesMatrices: Bool { true }

  /// The learning rate of ``adafactor``.
  public var learningRate: AdafactorLearningRate {
    get { adafactor.learningRate }
    set { adafactor.learningRate = newValue }
  }

  /// The weight decay of ``adafactor``.
  public var weightDecay: Double {
    get { adafactor.weightDecay }
    set { adafactor.weightDecay = newValue }
  }

  /// The rounding of ``adafactor``.
  public var rounding: Rounding {
    get { adafactor.rounding }
    set { adafactor.rounding = newValue }
  }

  /// The seed of ``adafactor``.
  public var roundingSeed: UInt64 {
    get { adafactor.roundingSeed }
    set { adafactor.roundingSeed = newValue }
  }

  /// Returns the shapes of the moments of a gradient.
  private func moments(_ shape: Shape, hasMomentum: Bool) -> [String: Shape] {
    shape.factoredMoments.merging(hasMomentum ? ["exp_avg": shape] : [:]) { $1 }
  }

  /// Returns the shapes of the state's tensors at the first step, or for a state that has tensors of the shapes `before`.
  package func stateShapes(of shape: Shape, before: [String: Shape] = [:]) -> [String: Shape] {
    projection.stateShapes(of: shape, before: before) {
      moments($0, hasMomentum: adafactor.beta1 != nil || before["exp_avg"] != nil)
    }
  }

  /// Returns zeros under the reference's names, and zeros for the projectors, which the first step sets.
  public func initialState(shape: Shape, scalarType: ScalarType) -> MomentState {
    MomentState(stateShapes(of: shape).mapValues { Tensor(zeros: $0, as: scalarType.arithmeticType) })
  }

  /// Throws an error for projectors, moments or a residual that don't fit the parameter. M may be present or missing, since
  /// `beta1` can be changed.
  public func check(
    _ state: MomentState, parameter: String, shape: Shape, scalarType: ScalarType
  ) throws(OptimizerError) {
    try projection.check(
      state, of: self, parameter: parameter, shape: shape, scalarType: scalarType
    ) { moments($0, hasMomentum: state.tensors["exp_avg"] != nil) }
  }

  /// Takes one step of one parameter; see ``GaLoreAdafactor`` for the equations.
  public func update(_ parameter: inout Tensor, gradient: Tensor, state: inout MomentState) {
    guard parameter.elementCount > 0 else { return }
    guard let gradient = projection.project(gradient, &state) else { return parameter.becomeNaN(&state) }
    let α = AdafactorHyperparameters(adafactor, step: state.step)
      .stepSize(rootMeanSquare: adafactor.scaleParameter ? parameter.rootMeanSquare() : nil)
    // Apply Adafactor's update to zeros in the projected shape.
    var inner = adafactor
    (inner.learningRate, inner.scaleParameter, inner.weightDecay) = (.constant(α), false, 0)
    var moments = AdafactorState(step: state.step, tensors: state.tensors, numbers: [:])
    var change = Tensor(zeros: gradient.shape, as: gradient.scalarType)
    inner.update(&change, gradient: gradient, state: &moments)
    state.tensors.merge(moments.tensors) { $1 }
    if weightDecay > 0 { parameter -= parameter * (weightDecay * α) }
    parameter += projection.projectBack(change, state)
  }
}

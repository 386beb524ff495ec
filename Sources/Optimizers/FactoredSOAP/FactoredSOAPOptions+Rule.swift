import KernelInterface
import Tensors

extension FactoredSOAPOptions: RoundedRule, EigenbasisRule {
  /// `factored_soap`.
  public static var name: String { "factored_soap" }

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

  /// Takes one step of one parameter; see ``FactoredSOAP`` for the equations. The first gradient only initializes the state.
  public func update(_ parameter: inout Tensor, gradient: Tensor, state: inout MomentState) {
    guard parameter.elementCount > 0 else { return }
    let shape = parameter.shape
    let basis = Eigenbasis(
      shape: shape, decay: shampooBeta, frequency: preconditionFrequency, spreadsRefresh: spreadsRefresh)
    guard gradient.hasFiniteSquares else { return parameter.becomeNaN(&state) }
    let secondMoments = shape.factoredMoments
    guard secondMoments.keys.allSatisfy({ state.tensors[$0] != nil }) else {
      guard basis.initialize(&state, gradient: gradient, axes: axes(of: shape)) else {
        return parameter.becomeNaN(&state)
      }
      for (name, shape) in secondMoments {
        state.tensors[name] = Tensor(zeros: shape, as: parameter.scalarType)
      }
      if adafactor.beta1 != nil {
        state.tensors["exp_avg"] = Tensor(zeros: shape, as: parameter.scalarType)
      }
      // The step counts updates, and the first gradient is not an update.
      state.step = 0
      return
    }

    let hyperparameters = AdafactorHyperparameters(adafactor, step: state.step)
    let bases = basis.bases(of: state)
    var update = basis.rotate(gradient, by: bases)
    // β X + (1−β) (squares / count + ε₁)
    func average(_ name: String, _ squares: Tensor, over count: Int) -> Tensor {
      var result = state[name]
      result.formMovingAverage(
        of: squares * (1 / Double(count)) + hyperparameters.epsilon, decay: hyperparameters.decay)
      return result
    }
    var averages: [String: Tensor] = [:]
    if shape.rank < 2 {
      let squares = average("exp_avg_sq", update * update, over: 1)
      update /= squares.squareRoot()
      averages["exp_avg_sq"] = squares
    } else {
      let rows = average("exp_avg_sq_row", update.sumOfSquares(axis: -1), over: shape.columns)
      let columns = average("exp_avg_sq_col", update.sumOfSquares(axis: -2), over: shape.rows)
      update.divide(byRootsOf: rows, columns)
      (averages["exp_avg_sq_row"], averages["exp_avg_sq_col"]) = (rows, columns)
    }

    let decision = hyperparameters.decide(
      squares: adafactor.scaleParameter ? parameter.sumOfSquares() : 0, updateSquares: update.sumOfSquares(),
      count: shape.elementCount, in: parameter.scalarType)
    guard decision.isFinite else { return parameter.becomeNaN(&state) }
    state.tensors.merge(averages) { $1 }
    update *= decision.factor
    if let beta1 = hyperparameters.beta1 {
      if state.tensors["exp_avg"] == nil {
        state.tensors["exp_avg"] = Tensor(zeros: shape, as: parameter.scalarType)
      }
      state["exp_avg"].formMovingAverage(of: update, decay: beta1)
      update = state["exp_avg"]
    }
    if weightDecay > 0 { parameter -= parameter * (weightDecay * decision.stepSize) }
    parameter -= basis.rotate(update, by: bases, back: true)
    basis.update(&state, gradient: gradient)
  }

  /// Returns the shapes of the state's tensors after the first gradient.
  package func stateShapes(of shape: Shape) -> [String: Shape] {
    Eigenbasis.shapes(of: shape, axes: axes(of: shape), isSpread: spreadsRefresh)
      .merging(shape.factoredMoments) { $1 }
      .merging(adafactor.beta1 == nil ? [:] : ["exp_avg": shape]) { $1 }
  }

  /// Returns the axes of a shape that have a preconditioner.
  private func axes(of shape: Shape) -> [Int] {
    let axes = Eigenbasis.axes(of: shape, maxLength: maxPrecondDim, includesVectors: precondition1D)
    return oneSided ? axes.min { shape[$0] < shape[$1] }.map { [$0] } ?? [] : axes
  }

  /// Throws an error for moments, bases or a residual that don't fit the parameter. M may be present or missing, since
  /// `beta1` can be changed.
  public func check(
    _ state: MomentState, parameter: String, shape: Shape, scalarType: ScalarType
  ) throws(OptimizerError) {
    var moments = shape.factoredMoments
    if state.tensors["exp_avg"] != nil { moments["exp_avg"] = shape }
    try checkEigenbasis(
      state, moments: moments, parameter: parameter, shape: shape, scalarType: scalarType)
  }
}

extension Tensor {
  /// Divides each trailing matrix: uᵢⱼ ← uᵢⱼ / √(Rᵢ Cⱼ / mean R).
  fileprivate mutating func divide(byRootsOf rows: Tensor, _ columns: Tensor) {
    let (n, m, matrices) = (shape.rows, shape.columns, shape.batchCount)
    // Their shape may be [1], which would count as columns.
    let means = rows.reshaped(to: [matrices, n]).mean(axis: -1).scalars(as: Double.self)
    let roots = columns.squareRoot()
    func divide<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
      rows.withElements(of: type) { r in
        roots.withElements(of: type) { c in
          withMutableElements(of: type) { u in
            for row in 0..<matrices * n {
              let factor = Scalar((means[row / n] / r[row].doubleValue).squareRoot())
              let (start, column) = (row * m, row / n * m)
              // In this order, no product overflows.
              for j in 0..<m { u[start + j] = factor * (u[start + j] / c[column + j]) }
            }
          }
        }
      }
    }
    // Explicit types, so that the loops are specialized for them.
    scalarType == .float64 ? divide(Double.self) : divide(Float.self)
  }
}

import RealModule
import Tensors

extension SOAPOptions: RoundedRule, EigenbasisRule {
  /// `soap`.
  public static var name: String { "soap" }

  /// True.
  public static var multipliesMatrices: Bool { true }

  /// Throws an error for parameters for which `mergesDims` would create a preconditioner larger than the parameter.
  public func check(shape: Shape, of parameter: String) throws(OptimizerError) {
    guard mergesDims && shape.rank > 1 && shape.elementCount > 0 else { return }
    let counts = Eigenbasis.mergedAxes(of: shape, maxLength: maxPrecondDim)
    var first = 0
    for (count, length) in zip(counts, Eigenbasis.merging(counts, of: shape).dimensions) {
      let isMerged = length > shape.dimensions[first..<first + count].max() ?? 1
      first += count
      guard isMerged, length > shape.elementCount / length else { continue }
      throw .unsupportedShape(
        parameter: parameter, shape: shape,
        reason:
          "merge_dims makes one axis of \(length), and its preconditioner of \(length) × \(length) is larger than the "
          + "parameter. Set max_precond_dim to less than \(length), or merge_dims to false")
    }
  }

  /// Returns the number of axes in each merged axis for the first gradient, or nil if no axes are merged.
  private func mergedAxes(of shape: Shape) -> [Int]? {
    guard mergesDims && shape.rank > 1 else { return nil }
    let counts = Eigenbasis.mergedAxes(of: shape, maxLength: maxPrecondDim)
    return counts.count == shape.rank ? nil : counts
  }

  /// Returns the axes that have a preconditioner, of a shape that may be merged. A matrix merged into one axis is no vector.
  private func axes(of merged: Shape, parameter: Shape) -> [Int] {
    Eigenbasis.axes(
      of: merged, maxLength: maxPrecondDim, includesVectors: precondition1D || parameter.rank > 1)
  }

  /// Takes one step of one parameter; see ``SOAP`` for the equations. The first gradient only initializes the state.
  public func update(_ parameter: inout Tensor, gradient: Tensor, state: inout MomentState) {
    guard parameter.elementCount > 0 else { return }
    let isFirst = state.tensors["exp_avg"] == nil
    let shape = parameter.shape
    let merged =
      isFirst
      ? mergedAxes(of: shape)
      : state.tensors[Eigenbasis.mergedAxesName]?.scalars(as: Double.self).map { Int($0) }
    let basis = Eigenbasis(
      shape: merged.map { Eigenbasis.merging($0, of: shape) } ?? shape, decay: shampooBeta ?? beta2,
      frequency: preconditionFrequency, spreadsRefresh: spreadsRefresh)
    guard gradient.hasFiniteSquares else { return parameter.becomeNaN(&state) }
    guard !isFirst else {
      let axes = axes(of: basis.shape, parameter: shape)
      guard basis.initialize(&state, gradient: gradient, axes: axes) else {
        return parameter.becomeNaN(&state)
      }
      for name in ["exp_avg", "exp_avg_sq"] {
        state.tensors[name] = Tensor(zeros: shape, as: parameter.scalarType)
      }
      state.tensors[Eigenbasis.mergedAxesName] = merged.map {
        Tensor(scalars: $0.map { Double($0) }, shape: [$0.count]).converted(to: parameter.scalarType)
      }
      // The step counts updates, and the first gradient is not an update.
      state.step = 0
      return
    }

    let bases = basis.bases(of: state)
    let rotated = basis.rotate(gradient, by: bases)
    state["exp_avg"].formMovingAverage(of: rotated, decay: beta1)
    state["exp_avg_sq"].formMovingAverage(of: rotated * rotated, decay: beta2)
    var update = state["exp_avg_sq"].squareRoot()
    update += epsilon
    update = basis.rotate(state["exp_avg"] / update, by: bases, back: true)

    var stepSize = learningRate
    if biasCorrection {
      let (c1, c2) = (1 - Double.pow(beta1, Double(state.step)), 1 - Double.pow(beta2, Double(state.step)))
      stepSize *= c2.squareRoot() / c1
    }
    if normalizesUpdates { stepSize /= 1e-30 + update.rootMeanSquare() }
    parameter.add(update, scaledBy: -stepSize)
    // Don't multiply by 1 − decay: Float would round it by up to 0.1 % of a decay of 3e-5.
    if weightDecay > 0 { parameter -= parameter * (learningRate * weightDecay) }
    basis.update(&state, gradient: gradient)
  }

  /// Returns the shapes of the state's tensors after the first gradient.
  package func stateShapes(of shape: Shape) -> [String: Shape] {
    let mergedAxes = mergedAxes(of: shape)
    let merged = mergedAxes.map { Eigenbasis.merging($0, of: shape) } ?? shape
    var shapes = Eigenbasis.shapes(
      of: merged, axes: axes(of: merged, parameter: shape), isSpread: spreadsRefresh)
    shapes["exp_avg"] = shape
    shapes["exp_avg_sq"] = shape
    shapes[Eigenbasis.mergedAxesName] = mergedAxes.map { [$0.count] }
    return shapes
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
  /// Sets all elements to NaN, because the update is not finite, and takes back the step count. No basis can be computed
  /// from such a gradient, so the rest of the state is unchanged.
  mutating func becomeNaN(_ state: inout MomentState) {
    self = Tensor(repeating: .nan, shape: shape, as: scalarType)
    state.step -= 1
  }
}

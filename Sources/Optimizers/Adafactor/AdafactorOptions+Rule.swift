import KernelInterface
import Tensors

extension AdafactorOptions: PhasedRule, RoundedRule {
  /// `adafactor`.
  public static var name: String { "adafactor" }

  /// Returns a state of zeros: R and C for a tensor with at least two axes, V for any other tensor, and M with `beta1`.
  public func initialState(shape: Shape, scalarType: ScalarType) -> AdafactorState {
    AdafactorState(shape: shape, scalarType: scalarType, hasFirstMoments: beta1 != nil)
  }

  package static func preparedStep(
    of group: RuleGroup<Self>, _ layout: StepLayout, state: AdafactorState?, kernels: KernelTable
  ) -> any PreparedStep {
    let extent =
      layout.shard?.extent
      ?? Extent(BlockPartition(dimensions: layout.shape.dimensions, factored: true))
    return switch extent.partition.form {
    case .elements: AdafactorElements(group, layout, extent, state: state, kernels: kernels)
    case .rows: AdafactorRows(group, layout, extent, state: state, kernels: kernels)
    case .columns: AdafactorColumns(group, layout, extent, state: state, kernels: kernels)
    case .matrices: AdafactorMatrices(group, layout, extent, state: state, kernels: kernels)
    case .smallMatrices: AdafactorSmallMatrices(group, layout, extent, state: state, kernels: kernels)
    }
  }

  /// Throws an error for second moments, momentum or a residual that don't fit the parameter.
  public func check(
    _ state: AdafactorState, parameter: String, shape: Shape, scalarType: ScalarType
  ) throws(OptimizerError) {
    try checkStep(state.step, of: parameter)
    let isFactored = shape.rank >= 2
    let arithmetic = scalarType.arithmeticType
    func check(_ name: String, _ tensor: Tensor?, _ expected: Shape?) throws(OptimizerError) {
      try checkMoments(name, tensor, parameter: parameter, shape: expected, type: arithmetic)
    }
    try check("row moments", state.rowMoments, isFactored ? shape.removing(axis: -1) : nil)
    try check("column moments", state.columnMoments, isFactored ? shape.removing(axis: -2) : nil)
    try check("second moments", state.secondMoments, isFactored ? nil : shape)
    try check("first moments", state.firstMoments, state.firstMoments == nil ? nil : shape)
    try checkResidual(state.residual, parameter: parameter, shape: shape, scalarType: scalarType)
  }
}

extension UpdateRule {
  /// Throws an error for a residual of another shape or type, or for a residual of a parameter that is not rounded.
  func checkResidual(
    _ residual: Tensor?, parameter: String, shape: Shape, scalarType: ScalarType
  ) throws(OptimizerError) {
    guard residual != nil else { return }
    try checkMoments(
      "residual", residual, parameter: parameter, shape: scalarType.hasResidual ? shape : nil,
      type: scalarType)
  }
}

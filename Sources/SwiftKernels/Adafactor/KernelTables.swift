import Kernels

/// The kernels that read a gradient of one type in one arithmetic.
///
/// A table holds one compiled copy of each kernel for concrete types: a generic call through a protocol would run
/// unspecialized, some hundred times slower.
struct GradientKernelTable: Sendable {
  let rowMoments: @Sendable (GradientPiece, MomentAverage, Elements, MutableElements) -> Void
  let columnMoments: @Sendable (GradientPiece, MomentAverage, Elements, MutableElements) -> Void
  let accumulateColumns: @Sendable (GradientPiece, Elements, MutableElements, MutableElements) -> Void
  let accumulateRows:
    @Sendable (GradientPiece, Elements, UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>) -> Void
  let elementStatistics: @Sendable (GradientPiece, MomentAverage, Elements) -> Double
  let squares: @Sendable (GradientPiece, MutableElements) -> Void
  let scaled: @Sendable (GradientPiece, Elements, MutableElements) -> Void

  @inline(__always)
  private init<G: StoredScalar, A: Arithmetic>(_: G.Type, _: A.Type) {
    rowMoments = { RowAndColumnMoments<G, A>.rowMoments($0, average: $1, old: $2, new: $3) }
    columnMoments = { RowAndColumnMoments<G, A>.columnMoments($0, average: $1, old: $2, new: $3) }
    accumulateColumns = {
      RowAndColumnMoments<G, A>.accumulateColumns($0, rowMoments: $1, sums: $2, weightedSums: $3)
    }
    accumulateRows = {
      RowAndColumnMoments<G, A>.accumulateRows($0, columnMoments: $1, sums: $2, weightedSums: $3)
    }
    elementStatistics = { ElementStatistics<G, A>.sum($0, average: $1, moments: $2) }
    squares = { GradientTiles<G, A>.squares($0, into: $1) }
    scaled = { GradientTiles<G, A>.scaled($0, columnFactors: $1, into: $2) }
  }

  /// The kernels for gradients of type `gradient`, computed in `arithmetic`.
  static func table(gradient: ScalarType, arithmetic: ScalarType) -> GradientKernelTable {
    switch (gradient, arithmetic) {
    case (.float32, .float32): float32
    case (.float64, .float32): float64InFloat32
    case (.float32, .float64): float32InFloat64
    case (.float64, .float64): float64
    default: preconditionFailure("no kernel reads \(gradient) gradients in \(arithmetic)")
    }
  }

  private static let float32 = GradientKernelTable(Float.self, Float.self)
  private static let float64InFloat32 = GradientKernelTable(Double.self, Float.self)
  private static let float32InFloat64 = GradientKernelTable(Float.self, Double.self)
  private static let float64 = GradientKernelTable(Double.self, Double.self)
}

/// The kernels that update a parameter of one type from a gradient of another.
struct UpdateKernelTable: Sendable {
  let updateFactored:
    @Sendable (MutableElements, GradientPiece, Elements, Elements, ParameterChange) -> Double
  let updateElements:
    @Sendable (MutableElements, GradientPiece, MomentAverage, MutableElements, Double, ParameterChange) ->
      Double

  @inline(__always)
  private init<P: StoredScalar, G: StoredScalar, A: Arithmetic>(_: P.Type, _: G.Type, _: A.Type) {
    updateFactored = {
      FactoredUpdate<P, G, A>.update($0, $1, rowFactors: $2, columnFactors: $3, change: $4)
    }
    updateElements = {
      ElementUpdate<P, G, A>.update($0, $1, average: $2, moments: $3, factor: $4, change: $5)
    }
  }

  /// The kernels for parameters of type `parameter` and gradients of type `gradient`.
  static func table(parameter: ScalarType, gradient: ScalarType) -> UpdateKernelTable {
    switch (parameter, gradient) {
    case (.float32, .float32): float32
    case (.float32, .float64): float32FromFloat64
    case (.float64, .float32): float64FromFloat32
    case (.float64, .float64): float64
    default: preconditionFailure("no kernel updates \(parameter) parameters from \(gradient) gradients")
    }
  }

  private static let float32 = UpdateKernelTable(Float.self, Float.self, Float.self)
  private static let float32FromFloat64 = UpdateKernelTable(Float.self, Double.self, Float.self)
  private static let float64FromFloat32 = UpdateKernelTable(Double.self, Float.self, Double.self)
  private static let float64 = UpdateKernelTable(Double.self, Double.self, Double.self)
}

import KernelInterface

/// The kernels that read a gradient of one type in one arithmetic.
///
/// A table holds one compiled copy of each kernel for concrete types: a generic call through a protocol would run
/// unspecialized, some hundred times slower.
final class GradientKernelTable: Sendable {
  let rowMoments: @Sendable (GradientPiece, MomentAverage, Elements, MutableElements) -> Void
  let columnMoments: @Sendable (GradientPiece, MomentAverage, Elements, MutableElements) -> Void
  let rowStatistics: @Sendable (GradientPiece, MomentAverage, Elements, MutableElements, ColumnSums) -> Void
  let panelStatistics:
    @Sendable (
      GradientPiece, MomentAverage, Elements, MutableElements, UnsafeMutablePointer<Double>,
      UnsafeMutablePointer<Double>
    ) -> Void
  let elementStatistics: @Sendable (GradientPiece, MomentAverage, Elements) -> Double
  let squares: @Sendable (GradientPiece, MutableElements) -> Void
  let squaresAreFinite: @Sendable (GradientPiece) -> Bool
  let smallMatrixStatistics: @Sendable (MatrixBatch, Elements, Elements) -> Double

  @inline(__always)
  private init<G: StoredScalar, A: Arithmetic>(_: G.Type, _: A.Type) {
    rowMoments = { RowStatistics<G, A>.rowMoments($0, average: $1, old: $2, new: $3) }
    columnMoments = { PanelStatistics<G, A>.columnMoments($0, average: $1, old: $2, new: $3) }
    rowStatistics = { RowStatistics<G, A>.accumulate($0, average: $1, old: $2, new: $3, sums: $4) }
    panelStatistics = {
      PanelStatistics<G, A>.accumulate($0, average: $1, old: $2, new: $3, sums: $4, weightedSums: $5)
    }
    elementStatistics = { ElementStatistics<G, A>.sum($0, average: $1, moments: $2) }
    squares = { GradientTiles<G, A>.squares($0, into: $1) }
    smallMatrixStatistics = {
      SmallMatrices<A, G, A>.statistics($0, rowMoments: $1, columnMoments: $2)
    }
    squaresAreFinite = { FiniteSquares<G, A>.areFinite($0) }
  }

  /// The kernels for gradients of type `gradient`, computed in `arithmetic`.
  static func table(gradient: ScalarType, arithmetic: ScalarType) -> GradientKernelTable {
    switch arithmetic {
    case .float32: inFloat32[gradient]
    case .float64: inFloat64[gradient]
    default: preconditionFailure("no kernel computes in \(arithmetic)")
    }
  }

  private static let inFloat32 = tables(computingIn: Float.self)
  private static let inFloat64 = tables(computingIn: Double.self)

  @inline(__always)
  private static func tables<A: Arithmetic>(computingIn _: A.Type) -> PerScalarType<GradientKernelTable> {
    var tables = PerScalarType(
      bfloat16: GradientKernelTable(BFloat16.self, A.self),
      float32: GradientKernelTable(Float.self, A.self),
      float64: GradientKernelTable(Double.self, A.self))
    #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
      tables.float16 = GradientKernelTable(Float16.self, A.self)
    #endif
    return tables
  }
}

/// The kernels that update a parameter of one type from a gradient of another.
final class UpdateKernelTable: Sendable {
  let updateFactored:
    @Sendable (MutableElements, GradientPiece, Elements, Elements, ParameterChange) -> Double
  let updateElements:
    @Sendable (MutableElements, GradientPiece, MomentAverage, MutableElements, Double, ParameterChange) ->
      Double
  let updateSmallMatrices:
    @Sendable (MutableElements, MatrixBatch, MutableElements, MutableElements, Double, ParameterChange) ->
      Double
  let updateAdamW:
    @Sendable (MutableElements, GradientPiece, AdamWMoments, AdamWRule, ParameterChange) -> Void

  @inline(__always)
  private init<P: StoredScalar, G: StoredScalar, A: Arithmetic>(_: P.Type, _: G.Type, _: A.Type) {
    updateFactored = {
      FactoredUpdate<P, G, A>.update($0, $1, rowFactors: $2, columnFactors: $3, change: $4)
    }
    updateElements = {
      ElementUpdate<P, G, A>.update($0, $1, average: $2, moments: $3, factor: $4, change: $5)
    }
    updateSmallMatrices = {
      SmallMatrices<P, G, A>.update(
        $0, $1, rowMoments: $2, columnMoments: $3, factor: $4, change: $5)
    }
    updateAdamW = { AdamWUpdate<P, G, A>.update($0, $1, moments: $2, rule: $3, change: $4) }
  }

  /// The kernels for parameters of type `parameter` and gradients of type `gradient`.
  static func table(parameter: ScalarType, gradient: ScalarType) -> UpdateKernelTable {
    tables[parameter][gradient]
  }

  private static let tables: PerScalarType<PerScalarType<UpdateKernelTable>> = {
    var tables = PerScalarType(
      bfloat16: UpdateKernelTable.tables(updating: BFloat16.self, computingIn: Float.self),
      float32: UpdateKernelTable.tables(updating: Float.self, computingIn: Float.self),
      float64: UpdateKernelTable.tables(updating: Double.self, computingIn: Double.self))
    #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
      tables.float16 = UpdateKernelTable.tables(updating: Float16.self, computingIn: Float.self)
    #endif
    return tables
  }()

  @inline(__always)
  private static func tables<P: StoredScalar, A: Arithmetic>(
    updating _: P.Type, computingIn _: A.Type
  ) -> PerScalarType<UpdateKernelTable> {
    var tables = PerScalarType(
      bfloat16: UpdateKernelTable(P.self, BFloat16.self, A.self),
      float32: UpdateKernelTable(P.self, Float.self, A.self),
      float64: UpdateKernelTable(P.self, Double.self, A.self))
    #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
      tables.float16 = UpdateKernelTable(P.self, Float16.self, A.self)
    #endif
    return tables
  }
}

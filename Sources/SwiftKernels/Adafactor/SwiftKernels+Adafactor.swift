import KernelInterface

/// Adafactor in pure Swift: each call goes to the copy of its kernel that is compiled for the types given.
extension SwiftKernels {
  package func rowMoments(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements
  ) {
    GradientKernelTable.table(gradient: gradient.elements.type, arithmetic: new.type)
      .rowMoments(gradient, average, old, new)
  }

  package func columnMoments(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements
  ) {
    GradientKernelTable.table(gradient: gradient.elements.type, arithmetic: new.type)
      .columnMoments(gradient, average, old, new)
  }

  package func rowStatistics(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements, sums: ColumnSums
  ) {
    GradientKernelTable.table(gradient: gradient.elements.type, arithmetic: new.type)
      .rowStatistics(gradient, average, old, new, sums)
  }

  package func panelStatistics(
    _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements,
    sums: UnsafeMutablePointer<Double>, weightedSums: UnsafeMutablePointer<Double>
  ) {
    GradientKernelTable.table(gradient: gradient.elements.type, arithmetic: new.type)
      .panelStatistics(gradient, average, old, new, sums, weightedSums)
  }

  package func elementStatistics(
    _ gradient: GradientPiece, average: MomentAverage, moments: Elements
  ) -> Double {
    GradientKernelTable.table(gradient: gradient.elements.type, arithmetic: moments.type)
      .elementStatistics(gradient, average, moments)
  }

  package func smallMatrixStatistics(
    _ batch: MatrixBatch, rowMoments: Elements, columnMoments: Elements
  ) -> Double {
    GradientKernelTable.table(gradient: batch.gradient.type, arithmetic: rowMoments.type)
      .smallMatrixStatistics(batch, rowMoments, columnMoments)
  }

  package func updateSmallMatrices(
    _ parameter: MutableElements, _ batch: MatrixBatch, rowMoments: MutableElements,
    columnMoments: MutableElements, factor: Double, change: ParameterChange
  ) -> Double {
    if let tiles = TiledUpdate.of(parameter, change) {
      return tiles.updateSmallMatrices(
        batch, rowMoments: rowMoments, columnMoments: columnMoments, factor: factor)
    }
    return UpdateKernelTable.table(parameter: parameter.type, gradient: batch.gradient.type)
      .updateSmallMatrices(parameter, batch, rowMoments, columnMoments, factor, change)
  }

  package func finishMoments(
    average: MomentAverage, old: Elements, new: MutableElements, sums: UnsafePointer<Double>,
    weightedSums: UnsafePointer<Double>, count: Int
  ) -> Double {
    switch new.type {
    case .float64:
      FinishedMoments<Double>.finish(
        average: average, old: old, new: new, sums: sums, weightedSums: weightedSums, count: count)
    default:
      FinishedMoments<Float>.finish(
        average: average, old: old, new: new, sums: sums, weightedSums: weightedSums, count: count)
    }
  }

  package func sum(_ moments: Elements, count: Int) -> Double {
    switch moments.type {
    case .float64: FinishedMoments<Double>.sum(moments, count: count)
    default: FinishedMoments<Float>.sum(moments, count: count)
    }
  }

  package func reciprocalRoots(
    _ moments: Elements, factor: Double, count: Int, into out: MutableElements
  ) {
    switch moments.type {
    case .float64: FinishedMoments<Double>.reciprocalRoots(moments, factor: factor, count: count, into: out)
    default: FinishedMoments<Float>.reciprocalRoots(moments, factor: factor, count: count, into: out)
    }
  }

  package func sumOfSquares(_ elements: Elements, rows: Int, columns: Int, stride: Int) -> Double {
    switch elements.type {
    case .bfloat16:
      return SumOfSquares<BFloat16, Float>.sum(elements, rows: rows, columns: columns, stride: stride)
    case .float16:
      #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
        return SumOfSquares<Float16, Float>.sum(elements, rows: rows, columns: columns, stride: stride)
      #else
        preconditionFailure("this platform has no Float16")
      #endif
    case .float32:
      return SumOfSquares<Float, Float>.sum(elements, rows: rows, columns: columns, stride: stride)
    case .float64:
      return SumOfSquares<Double, Double>.sum(elements, rows: rows, columns: columns, stride: stride)
    }
  }

  package func updateFactored(
    _ parameter: MutableElements, _ gradient: GradientPiece, rowFactors: Elements, columnFactors: Elements,
    change: ParameterChange
  ) -> Double {
    if let tiles = TiledUpdate.of(parameter, change) {
      return tiles.updateFactored(gradient, rowFactors: rowFactors, columnFactors: columnFactors)
    }
    return UpdateKernelTable.table(parameter: parameter.type, gradient: gradient.elements.type)
      .updateFactored(parameter, gradient, rowFactors, columnFactors, change)
  }

  package func updateElements(
    _ parameter: MutableElements, _ gradient: GradientPiece, average: MomentAverage, moments: MutableElements,
    factor: Double, change: ParameterChange
  ) -> Double {
    if let tiles = TiledUpdate.of(parameter, change) {
      return tiles.updateElements(gradient, average: average, moments: moments, factor: factor)
    }
    return UpdateKernelTable.table(parameter: parameter.type, gradient: gradient.elements.type)
      .updateElements(parameter, gradient, average, moments, factor, change)
  }
}

/// What a BLAS path needs of a gradient before BLAS can work on it.
extension SwiftKernels {
  package func squares(_ gradient: GradientPiece, into tile: MutableElements) {
    GradientKernelTable.table(gradient: gradient.elements.type, arithmetic: tile.type).squares(gradient, tile)
  }

  package func movePartialSums(_ sums: ColumnSums, adding: Bool) {
    switch sums.partial.type {
    case .float64: sums.movePartialSums(Double.self, adding: adding)
    default: sums.movePartialSums(Float.self, adding: adding)
    }
  }
}

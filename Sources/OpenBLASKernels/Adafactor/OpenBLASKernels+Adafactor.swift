#if OpenBLAS
  import KernelInterface
  import SwiftKernels

  /// Adafactor on OpenBLAS: sums on `gemv`, moving averages on `scal` and `axpy`.
  ///
  /// Squares, quotients and roots BLAS does not have, and tensors that are not factored have nothing else: those come from
  /// `SwiftKernels`. So does the update, which one pass makes there: `axpy` by rows needs B G in memory first and leaves
  /// Σ p² to a third pass, and took 1.8 times as long.
  extension OpenBLASKernels {
    /// With fewer rows a call of `gemv` does too little: a matrix of 1 × 4 M took three times as long as in Swift.
    private static var leastRowsOfAPanel: Int { 4 }

    package func rowMoments(
      _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements
    ) {
      switch new.type {
      case .float64:
        MomentsOnBLAS(blas: BLASFloat64(), swift: swift).rowMoments(
          gradient, average: average, old: old, new: new)
      default:
        MomentsOnBLAS(blas: BLASFloat32(), swift: swift).rowMoments(
          gradient, average: average, old: old, new: new)
      }
    }

    package func columnMoments(
      _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements
    ) {
      if gradient.rows < Self.leastRowsOfAPanel {
        swift.columnMoments(gradient, average: average, old: old, new: new)
        return
      }
      switch new.type {
      case .float64:
        MomentsOnBLAS(blas: BLASFloat64(), swift: swift).columnMoments(
          gradient, average: average, old: old, new: new)
      default:
        MomentsOnBLAS(blas: BLASFloat32(), swift: swift).columnMoments(
          gradient, average: average, old: old, new: new)
      }
    }

    package func rowStatistics(
      _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements, sums: ColumnSums
    ) {
      switch new.type {
      case .float64:
        MomentsOnBLAS(blas: BLASFloat64(), swift: swift).rowStatistics(
          gradient, average: average, old: old, new: new, sums: sums)
      default:
        MomentsOnBLAS(blas: BLASFloat32(), swift: swift).rowStatistics(
          gradient, average: average, old: old, new: new, sums: sums)
      }
    }

    package func panelStatistics(
      _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements,
      sums: UnsafeMutablePointer<Double>, weightedSums: UnsafeMutablePointer<Double>
    ) {
      if gradient.rows < Self.leastRowsOfAPanel {
        swift.panelStatistics(
          gradient, average: average, old: old, new: new, sums: sums, weightedSums: weightedSums)
        return
      }
      switch new.type {
      case .float64:
        MomentsOnBLAS(blas: BLASFloat64(), swift: swift).panelStatistics(
          gradient, average: average, old: old, new: new, sums: sums, weightedSums: weightedSums)
      default:
        MomentsOnBLAS(blas: BLASFloat32(), swift: swift).panelStatistics(
          gradient, average: average, old: old, new: new, sums: sums, weightedSums: weightedSums)
      }
    }

    package func finishMoments(
      average: MomentAverage, old: Elements, new: MutableElements, sums: UnsafePointer<Double>,
      weightedSums: UnsafePointer<Double>, count: Int
    ) -> Double {
      switch new.type {
      case .float64:
        MomentsOnBLAS(blas: BLASFloat64(), swift: swift).finishMoments(
          average: average, old: old, new: new, sums: sums, weightedSums: weightedSums, count: count)
      default:
        MomentsOnBLAS(blas: BLASFloat32(), swift: swift).finishMoments(
          average: average, old: old, new: new, sums: sums, weightedSums: weightedSums, count: count)
      }
    }
  }

  /// What BLAS has nothing for.
  extension OpenBLASKernels {
    package func elementStatistics(
      _ gradient: GradientPiece, average: MomentAverage, moments: Elements
    ) -> Double {
      swift.elementStatistics(gradient, average: average, moments: moments)
    }

    package func smallMatrixStatistics(
      _ batch: MatrixBatch, rowMoments: Elements, columnMoments: Elements
    ) -> Double {
      swift.smallMatrixStatistics(batch, rowMoments: rowMoments, columnMoments: columnMoments)
    }

    package func updateSmallMatrices(
      _ parameter: MutableElements, _ batch: MatrixBatch, rowMoments: MutableElements,
      columnMoments: MutableElements, factor: Double, change: ParameterChange
    ) -> Double {
      swift.updateSmallMatrices(
        parameter, batch, rowMoments: rowMoments, columnMoments: columnMoments, factor: factor, change: change
      )
    }

    package func sumOfSquares(_ elements: Elements, rows: Int, columns: Int, stride: Int) -> Double {
      swift.sumOfSquares(elements, rows: rows, columns: columns, stride: stride)
    }

    package func sum(_ moments: Elements, count: Int) -> Double {
      swift.sum(moments, count: count)
    }

    package func reciprocalRoots(
      _ moments: Elements, factor: Double, count: Int, into out: MutableElements
    ) {
      swift.reciprocalRoots(moments, factor: factor, count: count, into: out)
    }

    package func updateFactored(
      _ parameter: MutableElements, _ gradient: GradientPiece, rowFactors: Elements, columnFactors: Elements,
      change: ParameterChange
    ) -> Double {
      swift.updateFactored(
        parameter, gradient, rowFactors: rowFactors, columnFactors: columnFactors, change: change)
    }

    package func updateElements(
      _ parameter: MutableElements, _ gradient: GradientPiece, average: MomentAverage,
      moments: MutableElements,
      factor: Double, change: ParameterChange
    ) -> Double {
      swift.updateElements(
        parameter, gradient, average: average, moments: moments, factor: factor, change: change)
    }
  }
#endif

#if OpenBLAS
  import KernelInterface

  /// Row and column second moments on `gemv`, and moving averages on `scal` and `axpy`, in one arithmetic
  /// type.
  final class MomentsOnBLAS<A: BLASScalar>: Sendable {
    /// The minimum number of rows. With fewer, a call of `gemv` does too little: a matrix of 1 × 4 M took
    /// three times as long as in Swift.
    private static var leastRowsOfAPanel: Int { 4 }

    /// The kernels that BLAS lacks.
    let swift: AdafactorKernels
    /// The moving averages.
    let vectors: LinearAlgebraOnBLAS<A>

    init(swift: AdafactorKernels, vectors: LinearAlgebraOnBLAS<A>) {
      self.swift = swift
      self.vectors = vectors
    }

    /// Rᵢ ← β Rᵢ + (1−β)(Σⱼ g²ᵢⱼ / n + ε).
    func rowMoments(
      _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements
    ) {
      forEachBand(gradient, average: average, old: old, new: new) { _, _ in }
    }

    /// Cⱼ ← β Cⱼ + (1−β)(Σᵢ g²ᵢⱼ / n + ε).
    func columnMoments(
      _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements
    ) {
      if gradient.rows < Self.leastRowsOfAPanel {
        swift.columnMoments(gradient, average, old, new)
        return
      }
      withTotals(gradient.columns) { totals in
        SquaresTile<A>.forEach(of: gradient, swift.squares) { tile, rows, columns in
          tile.sumColumns(rows.count, columns.count, weights: tile.ones)
          for column in columns { totals[column] += Double(tile.sums[column - columns.lowerBound]) }
        }
        update(average, old: old, new: new, sums: totals, count: gradient.columns)
      }
    }

    /// Computes new R, and Σ g² and Σ g² / R per column.
    func rowStatistics(
      _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements, sums: ColumnSums
    ) {
      let columns = gradient.columns
      let partial: UnsafeMutablePointer<A> = sums.partial.bound()
      let partialWeighted: UnsafeMutablePointer<A> = sums.partialWeighted.bound()
      let newRows: UnsafeMutablePointer<A> = new.bound()
      if gradient.rows == 0 { swift.movePartialSums(sums, false) }
      var summedRows = 0
      forEachBand(gradient, average: average, old: old, new: new) { band, rows in
        let inverses = band.sums
        for row in rows { inverses[row - rows.lowerBound] = 1 / newRows[row] }
        for column in stride(from: 0, to: columns, by: band.tileWidth) {
          let width = min(band.tileWidth, columns - column)
          for (weights, target) in [(band.ones, partial), (inverses, partialWeighted)] {
            A.gemv(
              transposed: true, rows: rows.count, columns: width, alpha: 1, band.squares + column,
              rowStride: columns, weights, beta: 1, target + column)
          }
        }
        summedRows += rows.count
        if summedRows + band.height > KernelLimits.rowsPerColumnSum || rows.upperBound == gradient.rows {
          swift.movePartialSums(sums, rows.upperBound > summedRows)
          summedRows = 0
        }
      }
    }

    /// Computes new R band by band. `body` finds a band's squares in the second-level cache and the final R
    /// of its rows.
    @inline(__always)
    private func forEachBand(
      _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements,
      _ body: (_ band: SquaresBand<A>, _ rows: Range<Int>) -> Void
    ) {
      SquaresBand<A>.forEach(of: gradient, swift.squares) { band, rows in
        withTotals(rows.count) { totals in
          for column in stride(from: 0, to: gradient.columns, by: band.tileWidth) {
            A.gemv(
              transposed: false, rows: rows.count, columns: min(band.tileWidth, gradient.columns - column),
              alpha: 1, band.squares + column, rowStride: gradient.columns, band.ones, beta: 0, band.sums)
            for row in 0..<rows.count { totals[row] += Double(band.sums[row]) }
          }
          update(
            average, old: old.advanced(by: rows.lowerBound), new: new.advanced(by: rows.lowerBound),
            sums: totals, count: rows.count)
        }
        body(band, rows)
      }
    }

    /// Computes new C, and Σ g² and Σ g² / C per row. Returns Σ 1 / C, or NaN if a C is not finite.
    func panelStatistics(
      _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements,
      sums: UnsafeMutablePointer<Double>, weightedSums: UnsafeMutablePointer<Double>
    ) -> Double {
      if gradient.rows < Self.leastRowsOfAPanel {
        return swift.panelStatistics(gradient, average, old, new, sums, weightedSums)
      }
      columnMoments(gradient, average: average, old: old, new: new)
      let columnMoments: UnsafeMutablePointer<A> = new.bound()
      withUnsafeTemporaryAllocation(of: A.self, capacity: SquaresTile<A>.width) { inverses in
        SquaresTile<A>.forEach(of: gradient, swift.squares) { tile, rows, columns in
          let (height, width) = (rows.count, columns.count)
          tile.sumRows(height, width, weights: tile.ones)
          for row in rows { sums[row] += Double(tile.sums[row - rows.lowerBound]) }
          for column in 0..<width { inverses[column] = 1 / columnMoments[columns.lowerBound + column] }
          tile.sumRows(height, width, weights: inverses.baseAddress!)
          for row in rows { weightedSums[row] += Double(tile.sums[row - rows.lowerBound]) }
        }
      }
      // The sum of finite moments can exceed the range of their type.
      let areFinite =
        swift.sum(new.reading, gradient.columns).isFinite
        || (0..<gradient.columns).allSatisfy { columnMoments[$0].isFinite }
      return areFinite ? swift.inverseSum(new.reading, gradient.columns) : .nan
    }

    /// new ← β old + (1−β)(sums / n + ε). Returns Σ weightedSums / new.
    func finishMoments(
      average: MomentAverage, old: Elements, new: MutableElements, sums: UnsafePointer<Double>,
      weightedSums: UnsafePointer<Double>, count: Int
    ) -> Double {
      update(average, old: old, new: new, sums: sums, count: count)
      let new = new.address.assumingMemoryBound(to: A.self)
      var total = 0.0
      for index in 0..<count { total += weightedSums[index] / Double(new[index]) }
      return total
    }

    /// new ← (β old + (1−β)ε) + (1−β)/n sums, in pieces that stay in the first-level cache.
    private func update(
      _ average: MomentAverage, old: Elements, new: MutableElements, sums: UnsafePointer<Double>, count: Int
    ) {
      let old = old.address.assumingMemoryBound(to: A.self)
      let new = new.address.assumingMemoryBound(to: A.self)
      let perSquare = average.weight / Double(average.count)
      let length = min(count, 1024)
      withUnsafeTemporaryAllocation(of: A.self, capacity: max(1, length)) { terms in
        let terms = terms.baseAddress!
        for start in stride(from: 0, to: count, by: max(1, length)) {
          let piece = min(length, count - start)
          if UnsafePointer(new) != old { (new + start).update(from: old + start, count: piece) }
          terms.update(repeating: 1, count: piece)
          vectors.movingAverage(
            new + start, count: piece, decay: A(average.decay), weight: A(average.weight * average.epsilon),
            of: terms)
          for index in 0..<piece { terms[index] = A(perSquare * sums[start + index]) }
          A.axpy(count: piece, alpha: 1, terms, new + start)
        }
      }
    }

    /// Runs `body` with `count` zeros.
    @inline(__always)
    private func withTotals(_ count: Int, _ body: (UnsafeMutablePointer<Double>) -> Void) {
      withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, count)) { totals in
        totals.baseAddress!.update(repeating: 0, count: count)
        body(totals.baseAddress!)
      }
    }
  }

  extension SquaresTile {
    /// sums ← S weights: one sum per row.
    @inline(__always)
    func sumRows(_ rows: Int, _ columns: Int, weights: UnsafePointer<A>) {
      A.gemv(
        transposed: false, rows: rows, columns: columns, alpha: 1, squares, rowStride: columns, weights,
        beta: 0,
        sums)
    }

    /// sums ← Sᵀ weights: one sum per column.
    @inline(__always)
    func sumColumns(_ rows: Int, _ columns: Int, weights: UnsafePointer<A>) {
      A.gemv(
        transposed: true, rows: rows, columns: columns, alpha: 1, squares, rowStride: columns, weights,
        beta: 0, sums)
    }
  }

  extension MutableElements {
    /// Returns the elements as a type that they are known to have.
    fileprivate func bound<A>() -> UnsafeMutablePointer<A> { address.assumingMemoryBound(to: A.self) }
  }
#endif

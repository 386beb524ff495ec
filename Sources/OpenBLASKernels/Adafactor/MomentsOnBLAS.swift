#if OpenBLAS
  import Kernels

  /// Row and column second moments on `gemv`, moving averages on `scal` and `axpy`, in one arithmetic.
  struct MomentsOnBLAS<BLAS: LinearAlgebraOnBLAS> where BLAS.Scalar: TensorScalar {
    /// The arithmetic.
    typealias A = BLAS.Scalar

    /// Vector updates.
    let blas: BLAS
    /// What BLAS lacks.
    let swift: any SwiftKernelPath

    /// Rᵢ ← β Rᵢ + (1−β)(Σⱼ g²ᵢⱼ / n + ε).
    func rowMoments(
      _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements
    ) {
      withTotals(gradient.rows) { totals in
        GradientTile<A>.forEach(of: gradient, swift) { tile, rows, columns in
          tile.sumRows(rows.count, columns.count, weights: tile.ones)
          for row in rows { totals[row] += Double(tile.sums[row - rows.lowerBound]) }
        }
        update(average, old: old, new: new, sums: totals, count: gradient.rows)
      }
    }

    /// Cⱼ ← β Cⱼ + (1−β)(Σᵢ g²ᵢⱼ / n + ε).
    func columnMoments(
      _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements
    ) {
      withTotals(gradient.columns) { totals in
        GradientTile<A>.forEach(of: gradient, swift) { tile, rows, columns in
          tile.sumColumns(rows.count, columns.count, weights: tile.ones, onto: tile.sums, clearing: true)
          for column in columns { totals[column] += Double(tile.sums[column - columns.lowerBound]) }
        }
        update(average, old: old, new: new, sums: totals, count: gradient.columns)
      }
    }

    /// New R, and Σ g², Σ g² / R per column, in bands of rows: the second sweep over a band finds it in the cache.
    func rowStatistics(
      _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements, sums: ColumnSums
    ) {
      let height = bandHeight(gradient)
      var (row, summedRows) = (0, 0)
      while row < gradient.rows {
        var band = gradient
        band.elements = gradient.elements.advanced(by: row * gradient.stride)
        band.rows = min(height, gradient.rows - row)
        rowMoments(band, average: average, old: old.advanced(by: row), new: new.advanced(by: row))
        accumulateColumns(band, rowMoments: new.advanced(by: row).bound(), sums)
        row += band.rows
        summedRows += band.rows
        if summedRows + height > KernelLimits.rowsPerColumnSum || row == gradient.rows {
          swift.movePartialSums(sums)
          summedRows = 0
        }
      }
    }

    /// Rows of a band that stays in the second-level cache between two sweeps, with room for the sums.
    private func bandHeight(_ gradient: GradientPiece) -> Int {
      let rows = Self.bandBytes / max(1, gradient.columns * gradient.elements.type.byteCount)
      return max(4, min(KernelLimits.rowsPerColumnSum, rows / 4 * 4))
    }

    private static var bandBytes: Int { 128 << 10 }

    /// Adds Σᵢ g²ᵢⱼ and Σᵢ g²ᵢⱼ / Rᵢ to the partial sums.
    private func accumulateColumns(
      _ gradient: GradientPiece, rowMoments: UnsafeMutablePointer<A>, _ sums: ColumnSums
    ) {
      let (partial, weighted): (UnsafeMutablePointer<A>, UnsafeMutablePointer<A>) = (
        sums.partial.bound(), sums.partialWeighted.bound()
      )
      GradientTile<A>.forEach(of: gradient, swift) { tile, rows, columns in
        let (height, width) = (rows.count, columns.count)
        tile.sumColumns(height, width, weights: tile.ones, onto: partial + columns.lowerBound)
        tile.setInverses(of: rowMoments + rows.lowerBound, count: height)
        tile.sumColumns(height, width, weights: tile.sums, onto: weighted + columns.lowerBound)
      }
    }

    /// New C, and Σ g², Σ g² / C per row.
    func panelStatistics(
      _ gradient: GradientPiece, average: MomentAverage, old: Elements, new: MutableElements,
      sums: UnsafeMutablePointer<Double>, weightedSums: UnsafeMutablePointer<Double>
    ) {
      columnMoments(gradient, average: average, old: old, new: new)
      let columnMoments: UnsafeMutablePointer<A> = new.bound()
      withUnsafeTemporaryAllocation(of: A.self, capacity: GradientTile<A>.width) { inverses in
        GradientTile<A>.forEach(of: gradient, swift) { tile, rows, columns in
          let (height, width) = (rows.count, columns.count)
          tile.sumRows(height, width, weights: tile.ones)
          for row in rows { sums[row] += Double(tile.sums[row - rows.lowerBound]) }
          for column in 0..<width { inverses[column] = 1 / columnMoments[columns.lowerBound + column] }
          tile.sumRows(height, width, weights: inverses.baseAddress!)
          for row in rows { weightedSums[row] += Double(tile.sums[row - rows.lowerBound]) }
        }
      }
    }

    /// new ← β old + (1−β)(sums / n + ε); returns Σ weightedSums / new.
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
          blas.movingAverage(
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

  extension GradientTile {
    /// sums ← S weights: one sum for each of `rows` rows.
    @inline(__always)
    func sumRows(_ rows: Int, _ columns: Int, weights: UnsafePointer<A>) {
      A.gemv(
        transposed: false, rows: rows, columns: columns, alpha: 1, squares, rowStride: columns, weights,
        beta: 0,
        sums)
    }

    /// target ← target + Sᵀ weights, or Sᵀ weights alone: one sum for each of `columns` columns.
    @inline(__always)
    func sumColumns(
      _ rows: Int, _ columns: Int, weights: UnsafePointer<A>, onto target: UnsafeMutablePointer<A>,
      clearing: Bool = false
    ) {
      A.gemv(
        transposed: true, rows: rows, columns: columns, alpha: 1, squares, rowStride: columns, weights,
        beta: clearing ? 0 : 1, target)
    }

    /// sums ← 1 / moments.
    @inline(__always)
    func setInverses(of moments: UnsafePointer<A>, count: Int) {
      for index in 0..<count { sums[index] = 1 / moments[index] }
    }
  }

  extension MutableElements {
    /// The elements as a type that they are known to have.
    fileprivate func bound<A>() -> UnsafeMutablePointer<A> { address.assumingMemoryBound(to: A.self) }
  }
#endif

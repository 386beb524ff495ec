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

    /// Adds Σᵢ g²ᵢⱼ to `sums`ⱼ and Σᵢ g²ᵢⱼ / Rᵢ to `weightedSums`ⱼ.
    func accumulateColumns(
      _ gradient: GradientPiece, rowMoments: UnsafePointer<A>, sums: UnsafeMutablePointer<A>,
      weightedSums: UnsafeMutablePointer<A>
    ) {
      GradientTile<A>.forEach(of: gradient, swift) { tile, rows, columns in
        let (height, width) = (rows.count, columns.count)
        tile.sumColumns(height, width, weights: tile.ones, onto: sums + columns.lowerBound)
        tile.setInverses(of: rowMoments + rows.lowerBound, count: height)
        tile.sumColumns(height, width, weights: tile.sums, onto: weightedSums + columns.lowerBound)
      }
    }

    /// Adds Σⱼ g²ᵢⱼ to `sums`ᵢ and Σⱼ g²ᵢⱼ / Cⱼ to `weightedSums`ᵢ.
    func accumulateRows(
      _ gradient: GradientPiece, columnMoments: UnsafePointer<A>, sums: UnsafeMutablePointer<Double>,
      weightedSums: UnsafeMutablePointer<Double>
    ) {
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
#endif

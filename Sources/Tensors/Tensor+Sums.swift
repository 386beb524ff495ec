import KernelInterface

// MARK: Whole tensors

extension Tensor {
  /// Σ x over all elements.
  public func sum() -> Double {
    func sum<Scalar: ArithmeticScalar>(_ type: Scalar.Type) -> Double {
      inArithmeticType.withElements(of: type) { x in
        type.linearAlgebra.sum(x.baseAddress!, x.count)
      }
    }
    return sum(scalarType.arithmeticSwiftType)
  }

  /// Σ x / n over all elements; NaN where there are none.
  public func mean() -> Double { sum() / Double(elementCount) }

  /// Σ x² over all elements.
  ///
  /// Where squares leave the range of Float32, or fall into its subnormal numbers, they are taken in Double.
  public func sumOfSquares() -> Double {
    func sum<Scalar: ArithmeticScalar>(_ type: Scalar.Type) -> Double {
      inArithmeticType.withElements(of: type) { x in
        type.linearAlgebra.dot(x.baseAddress!, x.baseAddress!, x.count)
      }
    }
    let sum = sum(scalarType.arithmeticSwiftType)
    if scalarType == .float64 { return sum }
    let leastExact = Double(elementCount) * Double(Float.leastNormalMagnitude / Float.ulpOfOne)
    return sum < leastExact || sum.isInfinite ? sumOfSquaresInDouble() : sum
  }

  private func sumOfSquaresInDouble() -> Double {
    let (linearAlgebra, conversion) = (Double.linearAlgebra, Backend.default.kernels.conversion)
    var sum = 0.0
    withUnsafeBytes { bytes in
      let elements = Elements(bytes.baseAddress!, scalarType)
      withUnsafeTemporaryAllocation(of: Double.self, capacity: ConversionBlock.count) { buffer in
        let block = buffer.baseAddress!
        ConversionBlock.forEach(of: elementCount) { start, count in
          conversion.readDouble(elements.advanced(by: start), count, block)
          sum += linearAlgebra.dot(block, block, count)
        }
      }
    }
    return sum
  }

  /// √(Σ x² / n) over all elements; NaN where there are none.
  public func rootMeanSquare() -> Double { (sumOfSquares() / Double(elementCount)).squareRoot() }
}

// MARK: Rows and columns

extension Tensor {
  /// Σⱼ xᵢⱼ over the last axis: the shape without it.
  ///
  /// Sums, means and sums of squares of 16-bit types are Float32.
  public func rowSums() -> Tensor { rowReduction(of: .elements) }

  /// Σᵢ xᵢⱼ over the second-last axis: the shape without it.
  ///
  /// - Precondition: there are two axes or more.
  public func columnSums() -> Tensor { columnReduction(of: .elements) }

  /// Σⱼ x²ᵢⱼ over the last axis: the shape without it.
  public func rowSumsOfSquares() -> Tensor { rowReduction(of: .squares) }

  /// Σᵢ x²ᵢⱼ over the second-last axis: the shape without it.
  ///
  /// - Precondition: there are two axes or more.
  public func columnSumsOfSquares() -> Tensor { columnReduction(of: .squares) }

  /// Σⱼ xᵢⱼ / columns over the last axis: the shape without it; NaN where there are no columns.
  public func rowMeans() -> Tensor { rowSums() / Double(shape.columns) }

  /// Σᵢ xᵢⱼ / rows over the second-last axis: the shape without it; NaN where there are no rows.
  ///
  /// - Precondition: there are two axes or more.
  public func columnMeans() -> Tensor { columnSums() / Double(shape.rows) }

  private func rowReduction(of terms: SummedTerms) -> Tensor {
    precondition(shape.rank >= 1, "A scalar has no axis to sum over: its shape is \(shape).")
    let resultShape = shape.removing(axis: -1)
    var result = Tensor(uninitialized: resultShape, as: scalarType.arithmeticType)
    func reduce<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
      inArithmeticType.withElements(of: type) { x in
        result.withMutableElements(of: type) { sums in
          // All matrices' rows lie behind each other: one matrix to the kernel.
          type.linearAlgebra.rowSums(
            terms, x.baseAddress!, resultShape.elementCount, shape.columns, sums.baseAddress!)
        }
      }
    }
    reduce(scalarType.arithmeticSwiftType)
    return result
  }

  private func columnReduction(of terms: SummedTerms) -> Tensor {
    precondition(
      shape.rank >= 2,
      "Column sums need two axes or more; the shape is \(shape). Reshape to [1, n] or [n, 1].")
    var result = Tensor(uninitialized: shape.removing(axis: -2), as: scalarType.arithmeticType)
    let (rows, columns) = (shape.rows, shape.columns)
    func reduce<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
      inArithmeticType.withElements(of: type) { x in
        result.withMutableElements(of: type) { sums in
          guard sums.count > 0 else { return }
          let kernels = type.linearAlgebra
          for matrix in 0..<shape.batchCount {
            kernels.columnSums(
              terms, x.baseAddress! + matrix * rows * columns, rows, columns,
              sums.baseAddress! + matrix * columns)
          }
        }
      }
    }
    reduce(scalarType.arithmeticSwiftType)
    return result
  }

  /// The place of the largest element of each row, the first where several are; a NaN counts as the largest.
  ///
  /// - Precondition: rows have at least one element.
  public func rowArgmax() -> [Int] {
    let columns = shape.columns
    precondition(columns > 0, "Rows without elements have no largest one: the shape is \(shape).")
    return inArithmeticType.rowArgmax(columns: columns)
  }

  private func rowArgmax(columns: Int) -> [Int] {
    func search<Scalar: ArithmeticScalar>(_ type: Scalar.Type) -> [Int] {
      withElements(of: type) { x in
        stride(from: 0, to: x.count, by: columns).map { start in
          var best = 0
          for j in 0..<columns {
            if x[start + j].isNaN { return j }
            if x[start + j] > x[start + best] { best = j }
          }
          return best
        }
      }
    }
    return scalarType == .float64 ? search(Double.self) : search(Float.self)
  }
}

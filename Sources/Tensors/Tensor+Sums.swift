import KernelInterface

extension Tensor {
  // MARK: Whole tensors

  /// Returns Σ x over all elements.
  public func sum() -> Double {
    func sum<Scalar: ArithmeticScalar>(_ type: Scalar.Type) -> Double {
      inArithmeticType.withElements(of: type) { type.linearAlgebra.sum($0.baseAddress!, $0.count) }
    }
    return sum(scalarType.arithmeticSwiftType)
  }

  /// Returns Σ x / n over all elements, or NaN if there are none.
  public func mean() -> Double { sum() / Double(elementCount) }

  /// Returns Σ x² over all elements.
  ///
  /// If squares exceed the range of Float32 or become subnormal, they are computed in Double.
  public func sumOfSquares() -> Double {
    let x = inArithmeticType
    let sum = x.dot(x)
    if scalarType == .float64 { return sum }
    let leastExact = Double(elementCount) * Double(Float.leastNormalMagnitude / Float.ulpOfOne)
    return sum < leastExact || sum.isInfinite ? sumOfSquaresInDouble() : sum
  }

  private func sumOfSquaresInDouble() -> Double {
    let (linearAlgebra, conversion) = (Double.linearAlgebra, Backend.default.kernels.conversion)
    var sum = 0.0
    forEachBlock(of: elementCount, as: Double.self) { start, block in
      conversion.readDouble(elements.advanced(by: start), block.count, block.baseAddress!)
      sum += linearAlgebra.dot(block.baseAddress!, block.baseAddress!, block.count)
    }
    withExtendedLifetime(self) {}
    return sum
  }

  /// Returns √(Σ x² / n) over all elements, or NaN if there are none.
  public func rootMeanSquare() -> Double {
    let squares = sumOfSquares()
    if scalarType == .float64, squares < 1e-280 || squares == .infinity {
      let maximum = withElements(of: Double.self) { $0.reduce(0) { max($0, $1.magnitude) } }
      // Squares exceed the range of Double or become subnormal.
      if maximum > 0, maximum.isFinite { return maximum * (self / maximum).rootMeanSquare() }
    }
    return (squares / Double(elementCount)).squareRoot()
  }

  // MARK: One axis

  /// Returns Σ x over one axis. The result has the shape without this axis.
  ///
  /// Sums, means and sums of squares of 16-bit types have the type Float32.
  ///
  /// - Parameter axis: The last axis (-1) or the second-last (-2), also counted from 0.
  /// - Precondition: `axis` is one of these, and the shape has it.
  public func sum(axis: Int) -> Tensor { reduction(of: .elements, axis: axis) }

  /// Returns Σ x / n over one axis of size n, or NaN if n is 0. The result has the shape without this axis.
  ///
  /// - Parameter axis: The last axis (-1) or the second-last (-2), also counted from 0.
  /// - Precondition: `axis` is one of these, and the shape has it.
  public func mean(axis: Int) -> Tensor { sum(axis: axis) / Double(shape[axis]) }

  /// Returns Σ x² over one axis. The result has the shape without this axis.
  ///
  /// - Parameter axis: The last axis (-1) or the second-last (-2), also counted from 0.
  /// - Precondition: `axis` is one of these, and the shape has it.
  public func sumOfSquares(axis: Int) -> Tensor { reduction(of: .squares, axis: axis) }

  private func reduction(of terms: SummedTerms, axis: Int) -> Tensor {
    switch shape.axisFromEnd(axis) {
    case -1: rowReduction(of: terms)
    case -2: columnReduction(of: terms)
    default:
      fatalError(
        "Sums run over the last axis (-1) or the second-last (-2) of \(shape); the axis is \(axis). Reshape "
          + "first."
      )
    }
  }

  private func rowReduction(of terms: SummedTerms) -> Tensor {
    let resultShape = shape.removing(axis: -1)
    func reduce<Scalar: ArithmeticScalar>(_ type: Scalar.Type) -> Tensor {
      computing(type, shape: resultShape) { x, sums in
        // The rows of all matrices are contiguous: they are one matrix to the kernel.
        type.linearAlgebra.rowSums(terms, x, resultShape.elementCount, shape.columns, sums)
      }
    }
    return reduce(scalarType.arithmeticSwiftType)
  }

  private func columnReduction(of terms: SummedTerms) -> Tensor {
    let (resultShape, rows, columns) = (shape.removing(axis: -2), shape.rows, shape.columns)
    func reduce<Scalar: ArithmeticScalar>(_ type: Scalar.Type) -> Tensor {
      let kernels = type.linearAlgebra
      return computing(type, shape: resultShape) { x, sums in
        guard resultShape.elementCount > 0 else { return }
        for matrix in 0..<shape.batchCount {
          kernels.columnSums(terms, x + matrix * rows * columns, rows, columns, sums + matrix * columns)
        }
      }
    }
    return reduce(scalarType.arithmeticSwiftType)
  }

  /// Returns the index of the largest element of each row, or the first of equal ones. NaN counts as the
  /// largest.
  ///
  /// - Parameter axis: The last axis: -1, or its number counted from 0.
  /// - Returns: One index per row, in the order of the rows.
  /// - Precondition: `axis` is the last one, and rows have at least one element.
  public func argMax(axis: Int) -> [Int] {
    guard shape.axisFromEnd(axis) == -1 else {
      fatalError("argMax runs over the last axis (-1) of \(shape); the axis is \(axis). Transpose first.")
    }
    let columns = shape.columns
    guard columns > 0 else {
      fatalError("Rows without elements have no largest element: the shape is \(shape).")
    }
    let x = inArithmeticType
    func search<Scalar: ArithmeticScalar>(_ type: Scalar.Type) -> [Int] {
      x.withElements(of: type) { x in
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
    // The type is written out, so that the search is compiled for it.
    return x.scalarType == .float64 ? search(Double.self) : search(Float.self)
  }
}

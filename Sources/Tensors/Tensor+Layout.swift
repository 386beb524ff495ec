extension Tensor {
  /// Returns the matrix with rows and columns exchanged. With more than two axes, each trailing matrix is
  /// transposed.
  ///
  /// Products need no transposed copy: see ``matmul(_:transposed:otherTransposed:)``.
  ///
  /// - Precondition: There are at least two axes.
  public func transposed() -> Tensor {
    guard shape.rank >= 2 else {
      fatalError("A transpose needs at least two axes; the shape is \(shape).")
    }
    var dimensions = shape.dimensions
    dimensions.swapAt(dimensions.count - 1, dimensions.count - 2)
    var result = Tensor(uninitialized: Shape(dimensions), as: scalarType)
    switch scalarType.byteCount {
    case 2: transpose(as: UInt16.self, into: &result)
    case 4: transpose(as: UInt32.self, into: &result)
    default: transpose(as: UInt64.self, into: &result)
    }
    return result
  }

  private func transpose<Bits: BitwiseCopyable>(as type: Bits.Type, into result: inout Tensor) {
    let (rows, columns) = (shape.rows, shape.columns)
    guard elementCount > 0 else { return }
    // Squares of 32 × 32 elements use the cache lines of both sides completely before they are evicted.
    let side = 32
    withUnsafeBytes { source in
      result.withUnsafeMutableBytes { target in
        for matrix in 0..<shape.batchCount {
          let x = source.baseAddress!.assumingMemoryBound(to: type) + matrix * rows * columns
          let y = target.baseAddress!.assumingMemoryBound(to: type) + matrix * rows * columns
          for firstRow in stride(from: 0, to: rows, by: side) {
            for firstColumn in stride(from: 0, to: columns, by: side) {
              for i in firstRow..<min(firstRow + side, rows) {
                for j in firstColumn..<min(firstColumn + side, columns) {
                  y[j * rows + i] = x[i * columns + j]
                }
              }
            }
          }
        }
      }
    }
  }

  /// Returns the rows of this range along the first axis.
  ///
  /// - Precondition: The range is within the first axis.
  public func rows(_ range: Range<Int>) -> Tensor {
    guard shape.rank >= 1 && range.lowerBound >= 0 && range.upperBound <= shape[0] else {
      fatalError("Rows \(range) of a tensor of shape \(shape).")
    }
    return gathered(range)
  }

  /// Returns the rows at these indices along the first axis, in this order. An index may occur more than
  /// once.
  ///
  /// - Precondition: Every index is within the first axis.
  public func rows(at places: some RandomAccessCollection<Int>) -> Tensor {
    for place in places {
      guard shape.rank >= 1 && (0..<shape[0]).contains(place) else {
        fatalError("Row \(place) of a tensor of shape \(shape).")
      }
    }
    return gathered(places)
  }

  private func gathered(_ places: some RandomAccessCollection<Int>) -> Tensor {
    var dimensions = shape.dimensions
    dimensions[0] = places.count
    var result = Tensor(uninitialized: Shape(dimensions), as: scalarType)
    let rowBytes = shape[0] == 0 ? 0 : byteCount / shape[0]
    withUnsafeBytes { source in
      result.withUnsafeMutableBytes { target in
        for (i, place) in places.enumerated() {
          (target.baseAddress! + i * rowBytes).copyMemory(
            from: source.baseAddress! + place * rowBytes, byteCount: rowBytes)
        }
      }
    }
    return result
  }

  /// Returns the slices at these indices along an axis, in this order. An index may occur more than once.
  ///
  /// - Precondition: Every index is within the axis.
  package func selecting(_ places: [Int], axis: Int) -> Tensor {
    let inner = shape.dimensions[(axis + 1)...].reduce(1, *)
    let outer = shape.dimensions[..<axis].reduce(1, *)
    var dimensions = shape.dimensions
    dimensions[axis] = places.count
    var result = Tensor(uninitialized: Shape(dimensions), as: scalarType)
    for place in places where !(0..<shape[axis]).contains(place) {
      fatalError("Index \(place) of axis \(axis) of a tensor of shape \(shape).")
    }
    func copy<Bits: BitwiseCopyable>(_ type: Bits.Type) {
      withUnsafeBytes { source in
        result.withUnsafeMutableBytes { target in
          var y = target.baseAddress!.assumingMemoryBound(to: type)
          for block in 0..<outer {
            let x = source.baseAddress!.assumingMemoryBound(to: type) + block * shape[axis] * inner
            for place in places {
              for i in 0..<inner { y[i] = x[place * inner + i] }
              y += inner
            }
          }
        }
      }
    }
    switch scalarType.byteCount {
    case 2: copy(UInt16.self)
    case 4: copy(UInt32.self)
    default: copy(UInt64.self)
    }
    return result
  }
}

import KernelInterface

extension Tensor {
  /// These elements rounded to nearest in another type, once; the same memory where the type is the same.
  public func converted(to type: ScalarType) -> Tensor {
    if type == scalarType { return self }
    var result = Tensor(uninitialized: shape, as: type)
    let (target, targetSize) = (type.swiftType, type.byteCount)
    // By way of Float where that holds every value of the source, of Double otherwise: either way one rounding.
    let isExactInFloat = scalarType != .float64
    withUnsafeBytes { sourceBytes in
      result.withUnsafeMutableBytes { targetBytes in
        let (source0, target0) = (Elements(sourceBytes.baseAddress!, scalarType), targetBytes.baseAddress!)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: ScalarBlock.count) { floats in
          withUnsafeTemporaryAllocation(of: Double.self, capacity: ScalarBlock.count) { doubles in
            ScalarBlock.forEach(of: elementCount) { start, count in
              let (from, to) = (source0.advanced(by: start), target0 + start * targetSize)
              if isExactInFloat {
                from.convert(count: count, into: floats.baseAddress!)
                target.write(UnsafePointer(floats.baseAddress!), count: count, to: to)
              } else {
                from.convert(count: count, into: doubles.baseAddress!)
                target.write(UnsafePointer(doubles.baseAddress!), count: count, to: to)
              }
            }
          }
        }
      }
    }
    return result
  }

  /// The elements in row-major order, rounded to nearest where `type` is narrower than the tensor's.
  public func scalars<Scalar: TensorScalar>(as type: Scalar.Type = Scalar.self) -> [Scalar] {
    converted(to: Scalar.scalarType).withElements(of: type) { Array($0) }
  }

  /// Writes all elements, rounded to nearest, a block at a time: `values(start, block)` fills the block from `start` on.
  mutating func fill(_ values: (Int, UnsafeMutableBufferPointer<Double>) -> Void) {
    let (type, size, elementCount) = (scalarType.swiftType, scalarType.byteCount, elementCount)
    withUnsafeMutableBytes { bytes in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: ScalarBlock.count) { block in
        ScalarBlock.forEach(of: elementCount) { start, count in
          values(start, UnsafeMutableBufferPointer(rebasing: block[..<count]))
          type.write(UnsafePointer(block.baseAddress!), count: count, to: bytes.baseAddress! + start * size)
        }
      }
    }
  }
}

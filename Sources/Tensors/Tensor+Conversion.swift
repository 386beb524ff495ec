import KernelInterface

extension Tensor {
  /// Returns these elements in another type, rounded once to nearest. If the type is the same, the result
  /// shares the memory.
  public func converted(to type: ScalarType) -> Tensor {
    if type == scalarType { return self }
    var result = Tensor(uninitialized: shape, as: type)
    let (kernels, count) = (Backend.default.kernels.conversion, elementCount)
    let source = elements
    let target = result.mutableElements()
    // Via Float if it holds every value of the source, otherwise via Double. Either way, there is only one
    // rounding.
    func convert<Scalar: ArithmeticScalar>(
      _: Scalar.Type, _ read: (Elements, Int, UnsafeMutablePointer<Scalar>) -> Void,
      _ write: (UnsafePointer<Scalar>, Int, MutableElements) -> Void
    ) {
      forEachBlock(of: count, as: Scalar.self) { start, block in
        read(source.advanced(by: start), block.count, block.baseAddress!)
        write(block.baseAddress!, block.count, target.advanced(by: start))
      }
    }
    if scalarType == .float64 {
      convert(Double.self, kernels.readDouble, kernels.writeDouble)
    } else {
      convert(Float.self, kernels.readFloat, kernels.writeFloat)
    }
    withExtendedLifetime(self) {}
    return result
  }

  /// Returns the elements in row-major order, rounded to nearest if `type` is narrower than the tensor's
  /// type.
  public func scalars<Scalar: TensorScalar>(as type: Scalar.Type = Scalar.self) -> [Scalar] {
    converted(to: Scalar.scalarType).withElements(of: type) { Array($0) }
  }

  /// Writes all elements, rounded to nearest, in blocks: `values(start, block)` fills the block that begins
  /// at `start`.
  mutating func fill(_ values: (Int, UnsafeMutableBufferPointer<Double>) -> Void) {
    let (kernels, elementCount) = (Backend.default.kernels.conversion, elementCount)
    let elements = mutableElements()
    forEachBlock(of: elementCount, as: Double.self) { start, block in
      values(start, block)
      kernels.writeDouble(block.baseAddress!, block.count, elements.advanced(by: start))
    }
  }
}

/// Calls `body(start, block)` for blocks that together hold `count` elements, in order.
func forEachBlock<Scalar>(
  of count: Int, as type: Scalar.Type, _ body: (_ start: Int, UnsafeMutableBufferPointer<Scalar>) -> Void
) {
  // Small enough for the first-level cache.
  let blockCount = 512
  withUnsafeTemporaryAllocation(of: type, capacity: blockCount) { block in
    for start in stride(from: 0, to: count, by: blockCount) {
      body(start, UnsafeMutableBufferPointer(rebasing: block[..<min(blockCount, count - start)]))
    }
  }
}

import KernelInterface

extension Tensor {
  /// These elements rounded to nearest in another type, once; the same memory where the type is the same.
  public func converted(to type: ScalarType) -> Tensor {
    if type == scalarType { return self }
    var result = Tensor(uninitialized: shape, as: type)
    let (kernels, count) = (Backend.default.kernels.conversion, elementCount)
    let source = elements
    let target = result.mutableElements()
    // By way of Float if that holds every value of the source, of Double otherwise: either way one rounding.
    func convert<Scalar: ArithmeticScalar>(
      _: Scalar.Type, _ read: (Elements, Int, UnsafeMutablePointer<Scalar>) -> Void,
      _ write: (UnsafePointer<Scalar>, Int, MutableElements) -> Void
    ) {
      withUnsafeTemporaryAllocation(of: Scalar.self, capacity: ConversionBlock.count) { block in
        let values = block.baseAddress!
        ConversionBlock.forEach(of: count) { start, size in
          read(source.advanced(by: start), size, values)
          write(values, size, target.advanced(by: start))
        }
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

  /// The elements in row-major order, rounded to nearest where `type` is narrower than the tensor's.
  public func scalars<Scalar: TensorScalar>(as type: Scalar.Type = Scalar.self) -> [Scalar] {
    converted(to: Scalar.scalarType).withElements(of: type) { Array($0) }
  }

  /// Writes all elements, rounded to nearest, a block at a time: `values(start, block)` fills the block from `start` on.
  mutating func fill(_ values: (Int, UnsafeMutableBufferPointer<Double>) -> Void) {
    let (kernels, elementCount) = (Backend.default.kernels.conversion, elementCount)
    let elements = mutableElements()
    withUnsafeTemporaryAllocation(of: Double.self, capacity: ConversionBlock.count) { block in
      ConversionBlock.forEach(of: elementCount) { start, count in
        values(start, UnsafeMutableBufferPointer(rebasing: block[..<count]))
        kernels.writeDouble(block.baseAddress!, count, elements.advanced(by: start))
      }
    }
  }
}

/// The blocks that elements are converted in: small enough for the first-level cache.
enum ConversionBlock {
  /// Elements of a full block.
  static let count = 512

  /// Calls `body(start, size)` for the blocks of `count` elements, in order.
  static func forEach(of count: Int, _ body: (_ start: Int, _ size: Int) -> Void) {
    for start in stride(from: 0, to: count, by: Self.count) { body(start, min(Self.count, count - start)) }
  }
}

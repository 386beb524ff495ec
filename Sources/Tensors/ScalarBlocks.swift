import KernelInterface

/// Writing of many elements at a time, compiled for each scalar type: a generic function that is entered with a type
/// known at run time only would convert element by element through witness tables.
protocol ScalarBlocks: TensorScalar {
  /// Writes `count` values, rounded to nearest.
  static func write(_ values: UnsafePointer<Double>, count: Int, to memory: UnsafeMutableRawPointer)
  /// Writes `count` values, rounded to nearest.
  static func write(_ values: UnsafePointer<Float>, count: Int, to memory: UnsafeMutableRawPointer)
}

extension ScalarBlocks {
  static func write(_ values: UnsafePointer<Double>, count: Int, to memory: UnsafeMutableRawPointer) {
    let elements = memory.assumingMemoryBound(to: Self.self)
    for i in 0..<count { elements[i] = Self(values[i]) }
  }

  static func write(_ values: UnsafePointer<Float>, count: Int, to memory: UnsafeMutableRawPointer) {
    let elements = memory.assumingMemoryBound(to: Self.self)
    for i in 0..<count { elements[i] = Self(values[i]) }
  }
}

extension BFloat16: ScalarBlocks {}
extension Float: ScalarBlocks {}
extension Double: ScalarBlocks {}
#if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
  extension Float16: ScalarBlocks {}
#endif

extension ScalarType {
  /// The Swift type of this name.
  var swiftType: any ScalarBlocks.Type {
    switch self {
    case .bfloat16: return BFloat16.self
    case .float16:
      #if (os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64)
        preconditionFailure("Swift has no Float16 on Intel Macs.")
      #else
        return Float16.self
      #endif
    case .float32: return Float.self
    case .float64: return Double.self
    }
  }
}

/// The blocks that elements are converted in: small enough for the first-level cache.
enum ScalarBlock {
  /// Elements of a full block.
  static let count = 512

  /// Calls `body(start, size)` for the blocks of `count` elements, in order.
  static func forEach(of count: Int, _ body: (_ start: Int, _ size: Int) -> Void) {
    for start in stride(from: 0, to: count, by: Self.count) { body(start, min(Self.count, count - start)) }
  }
}

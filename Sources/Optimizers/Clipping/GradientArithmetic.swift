import KernelInterface
import Tensors

/// A type that gradients are summed in: `Float`, or `Double` for Float64.
protocol GradientArithmetic: ArithmeticScalar {
  /// The linear algebra of `kernels`: not of the default backend, which threads beside the calling one do not
  /// know.
  static func linearAlgebra(of kernels: any KernelPath) -> any LinearAlgebra<Self>

  /// Reads elements of any type.
  static func read(_ elements: Elements, count: Int, into values: UnsafeMutablePointer<Self>)
}

extension Float: GradientArithmetic {
  static func linearAlgebra(of kernels: any KernelPath) -> any LinearAlgebra<Float> { kernels.float32 }

  static func read(_ elements: Elements, count: Int, into values: UnsafeMutablePointer<Float>) {
    elements.convert(count: count, into: values)
  }
}

extension Double: GradientArithmetic {
  static func linearAlgebra(of kernels: any KernelPath) -> any LinearAlgebra<Double> { kernels.float64 }

  static func read(_ elements: Elements, count: Int, into values: UnsafeMutablePointer<Double>) {
    elements.convert(count: count, into: values)
  }
}

extension ScalarType {
  /// The Swift type that gradients of this type are summed in.
  var gradientArithmetic: any GradientArithmetic.Type { self == .float64 ? Double.self : Float.self }
}

/// Converts the elements of one tensor in tiles, if their type needs it.
enum GradientConversion {
  /// Elements converted at a time: 8 KB of Float, so that a tile stays in the first-level cache.
  static let count = 2048

  /// Calls `body(offset, tile, count)` for the tiles of `count` elements in order, converted to `type`.
  ///
  /// Elements that have the type already are not copied.
  static func forEach<A: GradientArithmetic>(
    of elements: Elements, count: Int, as type: A.Type, _ body: (Int, UnsafePointer<A>, Int) -> Void
  ) {
    func walk(_ tile: (Elements, Int) -> UnsafePointer<A>) {
      for start in stride(from: 0, to: count, by: Self.count) {
        let size = min(Self.count, count - start)
        body(start, tile(elements.advanced(by: start), size), size)
      }
    }
    if elements.type == A.scalarType {
      walk { tile, _ in tile.address.assumingMemoryBound(to: A.self) }
    } else {
      withUnsafeTemporaryAllocation(of: A.self, capacity: Self.count) { scratch in
        walk { tile, size in
          A.read(tile, count: size, into: scratch.baseAddress!)
          return UnsafePointer(scratch.baseAddress!)
        }
      }
    }
  }
}

extension GradientSummary {
  /// The summary of one tile.
  ///
  /// The kernels square in the type of the tile, to a relative error below 4·10⁻⁵. Where Float's squares
  /// overflow or reach its subnormal numbers, they are taken again in Double while the tile is in the cache.
  init<A: GradientArithmetic>(tile: UnsafePointer<A>, count: Int, _ kernels: any KernelPath) {
    squares = A.linearAlgebra(of: kernels).dot(tile, tile, count: count)
    if A.scalarType == .float64 {
      isFinite = squares.isFinite || (0..<count).allSatisfy { tile[$0].isFinite }
      return
    }
    let leastExact = Double(count) * Double(Float.leastNormalMagnitude / Float.ulpOfOne)
    if (squares < leastExact && !isZero(UnsafeRawPointer(tile), count)) || !squares.isFinite {
      squares = withUnsafeTemporaryAllocation(of: Double.self, capacity: count) { wide in
        Double.read(Elements(tile, A.scalarType), count: count, into: wide.baseAddress!)
        return kernels.float64.dot(wide.baseAddress!, wide.baseAddress!, count: count)
      }
    }
    isFinite = squares.isFinite
  }
}

/// Whether `count` elements of Float are all 0: most of an embedding's gradient, which Double need not look at.
private func isZero(_ tile: UnsafeRawPointer, _ count: Int) -> Bool {
  let bits = tile.assumingMemoryBound(to: UInt32.self)
  var set: UInt32 = 0
  for index in 0..<count { set |= bits[index] }
  // A sign alone is still 0.
  return set & 0x7FFF_FFFF == 0
}

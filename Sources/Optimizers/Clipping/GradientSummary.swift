import KernelInterface
import Tensors

/// Converts the elements of one tensor tile by tile, if their type requires it.
enum GradientConversion {
  /// The number of elements converted at a time: 8 KB of Float, so that a tile stays in the first-level cache.
  static let count = 2048

  /// Calls `body(offset, tile, count)` for the tiles of `count` elements in order, converted to `type`.
  ///
  /// Elements that already have the type are not copied.
  static func forEach<A: ArithmeticScalar>(
    of elements: Elements, count: Int, as type: A.Type, _ kernels: KernelTable,
    _ body: (Int, UnsafePointer<A>, Int) -> Void
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
      let read = A.reading(of: kernels)
      withUnsafeTemporaryAllocation(of: A.self, capacity: Self.count) { scratch in
        walk { tile, size in
          read(tile, size, scratch.baseAddress!)
          return UnsafePointer(scratch.baseAddress!)
        }
      }
    }
  }
}

extension GradientSummary {
  /// Creates the summary of one tile.
  ///
  /// The kernels square in the type of the tile, with a relative error below 4·10⁻⁵. If Float's squares overflow or are
  /// subnormal, this squares them again in Double while the tile is in the cache.
  init<A: ArithmeticScalar>(tile: UnsafePointer<A>, count: Int, _ kernels: KernelTable) {
    squares = A.linearAlgebra(of: kernels).dot(tile, tile, count)
    if A.scalarType == .float64 {
      isFinite = squares.isFinite || (0..<count).allSatisfy { tile[$0].isFinite }
      return
    }
    let leastExact = Double(count) * Double(Float.leastNormalMagnitude / Float.ulpOfOne)
    if (squares < leastExact && !isZero(UnsafeRawPointer(tile), count)) || !squares.isFinite {
      squares = withUnsafeTemporaryAllocation(of: Double.self, capacity: count) { wide in
        kernels.conversion.readDouble(Elements(tile, A.scalarType), count, wide.baseAddress!)
        return kernels.float64.dot(wide.baseAddress!, wide.baseAddress!, count)
      }
    }
    isFinite = squares.isFinite
  }
}

/// Whether `count` elements of Float are all 0. Most of an embedding's gradient is 0, and Double can skip it.
private func isZero(_ tile: UnsafeRawPointer, _ count: Int) -> Bool {
  let bits = tile.assumingMemoryBound(to: UInt32.self)
  var set: UInt32 = 0
  for index in 0..<count { set |= bits[index] }
  // Ignore the sign: −0 is 0 too.
  return set & 0x7FFF_FFFF == 0
}

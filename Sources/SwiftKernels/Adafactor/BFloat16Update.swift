import KernelInterface

/// ``FactoredUpdate`` for parameters and gradients that are both BFloat16: the same bits in half the time.
///
/// It works on ``PairedLanes``, and first puts the column factors in their order.
///
/// It is a class for the same reason as ``TiledUpdate``.
final class BFloat16Update {
  private let parameter: UnsafeMutableRawPointer
  private let gradient: GradientPiece
  private let scale: SIMD8<Float>
  private let rowFactors: UnsafePointer<Float>
  private let columnFactors: UnsafePointer<Float>
  private let shrinkage: Float

  /// The number of column factors in pairs: the factors of every column, or of a chunk if there are more.
  private static let capacity = 4096

  /// Creates the update of a piece with columns in groups of sixteen. Returns `nil` for other pieces, or if a
  /// factor is NaN.
  init?(
    _ parameter: MutableElements, _ gradient: GradientPiece, rowFactors: UnsafePointer<Float>,
    columnFactors: UnsafePointer<Float>, shrinkage: Double
  ) {
    guard gradient.columns % (2 &* laneCount) == 0, !Self.containNaN(rowFactors, gradient.rows),
      !Self.containNaN(columnFactors, gradient.columns)
    else { return nil }
    self.parameter = parameter.address
    self.gradient = gradient
    scale = SIMD8(repeating: Float(gradient.scale))
    self.rowFactors = rowFactors
    self.columnFactors = columnFactors
    self.shrinkage = Float(shrinkage)
  }

  /// Updates the piece and returns Σ p² of the stored values.
  func update() -> Double {
    let columns = gradient.columns
    return withUnsafeTemporaryAllocation(of: Float.self, capacity: min(Self.capacity, columns)) { memory in
      let factors = memory.baseAddress!
      let keepsFactors = columns <= Self.capacity
      if keepsFactors { separatePairs(0..<columns, into: factors) }
      return sumOfChunks(rows: gradient.rows, columns: columns) { rows, chunk in
        if !keepsFactors { separatePairs(chunk, into: factors) }
        let factors = factors + (keepsFactors ? chunk.lowerBound : 0)
        // As in ``FactoredUpdate``, the common case has a loop without branches.
        return shrinkage == 0
          ? update(rows, chunk, factors, shrinks: false) : update(rows, chunk, factors, shrinks: true)
      }
    }
  }

  /// Updates some columns of some rows. Returns Σ p² with the same bits as `chunkedSum`.
  @inline(__always)
  private func update(
    _ rows: Range<Int>, _ columns: Range<Int>, _ columnFactors: UnsafeMutablePointer<Float>, shrinks: Bool
  ) -> Float {
    @inline(__always) func shrunk(_ p: SIMD8<Float>) -> SIMD8<Float> { shrinks ? p - shrinkage * p : p }
    var (even, odd) = (SIMD8<Float>(), SIMD8<Float>())
    for row in rows {
      let byteOffset = 2 &* (row &* gradient.stride &+ columns.lowerBound)
      let g = gradient.elements.address + byteOffset
      let p = parameter + byteOffset
      let rowFactor = SIMD8(repeating: rowFactors[row])
      var column = 0
      while column < columns.count {
        prefetch(g + (2 &* column &+ prefetchDistance))
        prefetch(p + (2 &* column &+ prefetchDistance))
        let gs = PairedLanes(at: g + 2 &* column)
        let ps = PairedLanes(at: p + 2 &* column)
        let evenUpdate = rowFactor * (columnFactors.eight(at: column) * (scale * gs.evenValues))
        let oddUpdate = rowFactor * (columnFactors.eight(at: column &+ laneCount) * (scale * gs.oddValues))
        let stored = PairedLanes(
          evenBits: rounded(shrunk(ps.evenValues) - evenUpdate),
          oddBits: rounded(shrunk(ps.oddValues) - oddUpdate))
        stored.store(at: p + 2 &* column)
        even += stored.evenValues * stored.evenValues
        odd += stored.oddValues * stored.oddValues
        column &+= 2 &* laneCount
      }
    }
    // These lanes hold sums of even and of odd elements out of sixteen, while `chunkedSum` has the first
    // eight and the last eight. Both add the same pairs.
    return even.laneSum + odd.laneSum
  }

  /// Returns the values rounded to BFloat16, in the upper halves.
  ///
  /// NaN does not come from the factors. A NaN from BFloat16 or from an operation has zeros in the lower
  /// half, and rounding does not change it.
  @inline(__always)
  private func rounded(_ values: SIMD8<Float>) -> SIMD8<Int32> {
    let bits = unsafeBitCast(values, to: SIMD8<Int32>.self)
    return bits &+ bits.roundingToUpperHalf
  }

  /// Reorders every sixteen column factors: first the factors of even columns, then of odd columns.
  @inline(__always)
  private func separatePairs(_ columns: Range<Int>, into factors: UnsafeMutablePointer<Float>) {
    for start in stride(from: 0, to: columns.count, by: 2 &* laneCount) {
      let pairs = UnsafeRawPointer(columnFactors + (columns.lowerBound &+ start))
        .loadUnaligned(as: SIMD16<Float>.self)
      factors.store(pairs.evenHalf, at: start)
      factors.store(pairs.oddHalf, at: start &+ laneCount)
    }
  }

  private static func containNaN(_ factors: UnsafePointer<Float>, _ count: Int) -> Bool {
    var isNaN = SIMD8<Int32>()
    forEachVector(count) { offset, valid in
      let values = Float.load(UnsafeRawPointer(factors), offset, valid, as: Float.self)
      isNaN = isNaN | SIMD8(ones: values .!= values)
    }
    return isNaN != SIMD8()
  }
}

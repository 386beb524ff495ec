import KernelInterface

/// Returns Σ terms(offset, valid) over groups of eight indices. Chunks of `elementsPerSum` elements are
/// summed in two vectors of lanes, and the chunk sums are added in Double.
///
/// Each lane adds 32 terms before its sum is used, so the error is below 36 units in the last place for any
/// number of elements. Two vectors hide the latency of addition when memory allows no more. With four, the
/// compiler would have to make two more copies of every kernel.
@inline(__always)
func chunkedSum<A: ArithmeticScalar>(
  _ count: Int, _ terms: (_ offset: Int, _ valid: Int) -> SIMD8<A>
) -> Double {
  let length = KernelLimits.elementsPerSum
  var total = 0.0
  var start = 0
  while start < count {
    let end = min(start &+ length, count)
    var even = SIMD8<A>()
    var odd = SIMD8<A>()
    @inline(__always) func add(_ offset: Int, _ valid: Int) {
      (even, odd) = (odd, even + terms(offset, valid))
    }
    forEachVector(start..<end, add)
    total += Double((even + odd).laneSum)
    start = end
  }
  return total
}

/// Returns Σ terms(row, offset, valid) over groups of eight columns of every row, like `chunkedSum` of one
/// row. The lanes continue over as many short rows as together fill the vectors of `elementsPerSum` elements.
///
/// - Parameter prepare: Computes the values that all groups of a row share.
@inline(__always)
func chunkedSum<A: ArithmeticScalar, Row>(
  rows: Int, columns: Int, _ prepare: (_ row: Int) -> Row,
  _ terms: (_ row: Row, _ offset: Int, _ valid: Int) -> SIMD8<A>
) -> Double {
  @inline(__always) func sum(_ rows: Range<Int>, _ columns: Range<Int>) -> A {
    var even = SIMD8<A>()
    var odd = SIMD8<A>()
    for row in rows {
      let row = prepare(row)
      @inline(__always) func add(_ offset: Int, _ valid: Int) {
        (even, odd) = (odd, even + terms(row, offset, valid))
      }
      forEachVector(columns, add)
    }
    return (even + odd).laneSum
  }
  return sumOfChunks(rows: rows, columns: columns, sum)
}

/// Returns Σ sum(rows, columns) in Double over the pieces of a matrix that `chunkedSum` adds separately.
@inline(__always)
func sumOfChunks<A: ArithmeticScalar>(
  rows: Int, columns: Int, _ sum: (_ rows: Range<Int>, _ columns: Range<Int>) -> A
) -> Double {
  let length = KernelLimits.elementsPerSum
  let vectors = max(1, (columns &+ laneCount &- 1) / laneCount)
  let group = max(1, length / laneCount / vectors)
  var total = 0.0
  var row = 0
  while row < rows {
    let lastRow = min(row &+ group, rows)
    var start = 0
    while start < columns {
      let end = min(start &+ length, columns)
      total += Double(sum(row..<lastRow, start..<end))
      start = end
    }
    row = lastRow
  }
  return total
}

extension SIMD8 {
  /// Returns the vector with `value` in every lane from index `first`.
  @inline(__always)
  func replacingLanes(from first: Int, with value: Scalar) -> Self {
    var result = self
    for lane in first..<8 {
      result[lane] = value
    }
    return result
  }
}

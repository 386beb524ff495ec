import KernelInterface

/// Adafactor on many small matrices, as in convolutions: eight matrices at a time, one per lane.
///
/// A kernel call, or a vector that is mostly padding, would cost more than a 3 × 3 matrix. Here, element (i,
/// j) of eight matrices is one vector, and every sum runs over vectors.
enum SmallMatrices<P: TensorScalar, G: TensorScalar, A: ArithmeticScalar> {
  /// Returns Σ u² of the unclipped updates. Nothing is stored.
  static func statistics(_ batch: MatrixBatch, rowMoments: Elements, columnMoments: Elements) -> Double {
    if batch.elements == 1 {
      return SingleElements<A, G, A>.statistics(batch, moments: columnMoments)
    }
    if batch.rows == 3 && batch.columns == 3 {
      return ThreeByThreeMatrices<G, A>.statistics(
        batch, rowMoments: rowMoments, columnMoments: columnMoments)
    }
    let (rows, columns) = (rowMoments.of(A.self), columnMoments.of(A.self))
    var total = 0.0
    forEachEight(batch) { eight in
      eight.load(batch, rows: rows, columns: columns)
      total += eight.sumOfSquaredUpdates()
    }
    return total
  }

  /// Stores new moments and parameters. Returns Σ p² of the stored values.
  static func update(
    _ parameter: MutableElements, _ batch: MatrixBatch, rowMoments: MutableElements,
    columnMoments: MutableElements, factor: Double, change: ParameterChange
  ) -> Double {
    if batch.elements == 1 {
      return SingleElements<P, G, A>.update(
        parameter, batch, rowMoments: rowMoments, columnMoments: columnMoments, factor: factor, change: change
      )
    }
    if batch.rows == 3 && batch.columns == 3 {
      ThreeByThreeMatrices<G, A>.update(
        parameter, of: P.self, batch, rowMoments: rowMoments, columnMoments: columnMoments, factor: factor,
        change: change)
    } else {
      updateInLanes(
        parameter, batch, rowMoments: rowMoments, columnMoments: columnMoments, factor: factor, change: change
      )
    }
    // One run of elements, because the rows of small matrices would be mostly padding.
    let count = batch.count &* batch.elements
    return SumOfSquares<P, A>.sum(parameter.reading, rows: 1, columns: count, stride: count)
  }

  /// Stores new moments and parameters of eight matrices at a time.
  private static func updateInLanes(
    _ parameter: MutableElements, _ batch: MatrixBatch, rowMoments: MutableElements,
    columnMoments: MutableElements, factor: Double, change: ParameterChange
  ) {
    let writer = ParameterWriter<P, A>(change)
    let (rows, columns) = (rowMoments.of(A.self), columnMoments.of(A.self))
    forEachEight(batch) { eight in
      eight.load(batch, rows: rows, columns: columns)
      eight.storeMoments(rows: rows, columns: columns)
      eight.setFactors(A(factor))
      for row in 0..<batch.rows {
        for column in 0..<batch.columns {
          let index = row &* batch.columns &+ column
          let update = eight.rowFactors[row] * (eight.columnFactors[column] * eight.gradient[index])
          writer.applyToLanes(
            update, of: parameter.address, eight.first &* batch.elements &+ index, stride: batch.elements,
            eight.count)
        }
      }
    }
  }

  /// Calls `body` for eight matrices at a time. The last group may have fewer.
  @inline(__always)
  private static func forEachEight(_ batch: MatrixBatch, _ body: (inout EightMatrices<G, A>) -> Void) {
    let capacity = 2 * batch.elements + 2 * (batch.rows + batch.columns)
    withUnsafeTemporaryAllocation(of: SIMD8<A>.self, capacity: capacity) { memory in
      var eight = EightMatrices<G, A>(batch, memory.baseAddress!)
      for first in stride(from: 0, to: batch.count, by: laneCount) {
        eight.first = first
        eight.count = min(laneCount, batch.count - first)
        body(&eight)
      }
    }
  }
}

/// Eight matrices, one per lane, with the intermediate results of a step.
struct EightMatrices<G: TensorScalar, A: ArithmeticScalar> {
  /// The index of the first matrix of the eight.
  var first = 0
  /// The number of lanes that hold a matrix. The other lanes repeat the last matrix, and their results are
  /// not used.
  var count = 0

  /// G times its scale.
  let gradient: UnsafeMutablePointer<SIMD8<A>>
  /// g² of every element.
  private let squares: UnsafeMutablePointer<SIMD8<A>>
  /// New R, later its factors.
  let rowFactors: UnsafeMutablePointer<SIMD8<A>>
  /// New C, later its factors.
  let columnFactors: UnsafeMutablePointer<SIMD8<A>>
  private let rowMoments: UnsafeMutablePointer<SIMD8<A>>
  private let columnMoments: UnsafeMutablePointer<SIMD8<A>>
  private var meanRowMoment = SIMD8<A>()

  private let rows: Int
  private let columns: Int
  private let rowAverage: MovingAverage<A>
  private let columnAverage: MovingAverage<A>

  init(_ batch: MatrixBatch, _ memory: UnsafeMutablePointer<SIMD8<A>>) {
    (rows, columns) = (batch.rows, batch.columns)
    rowAverage = MovingAverage(batch.average(count: columns))
    columnAverage = MovingAverage(batch.average(count: rows))
    gradient = memory
    squares = gradient + batch.elements
    rowFactors = squares + batch.elements
    columnFactors = rowFactors + rows
    rowMoments = columnFactors + columns
    columnMoments = rowMoments + rows
  }

  /// Reads the gradient, and computes new R, C and mean R.
  @inline(__always)
  mutating func load(
    _ batch: MatrixBatch, rows oldRows: UnsafePointer<A>, columns oldColumns: UnsafePointer<A>
  ) {
    let scale = SIMD8<A>(repeating: A(batch.scale))
    for column in 0..<columns { columnMoments[column] = SIMD8() }
    meanRowMoment = SIMD8()
    for row in 0..<rows {
      var rowSum = SIMD8<A>()
      for column in 0..<columns {
        let index = row &* columns &+ column
        let g =
          scale
          * G.lanes(
            batch.gradient.address, first &* batch.elements &+ index, stride: batch.elements, count,
            as: A.self)
        let square = g * g
        gradient[index] = g
        squares[index] = square
        rowSum += square
        columnMoments[column] += square
      }
      let old = A.lanes(oldRows, first &* rows &+ row, stride: rows, count, as: A.self)
      rowMoments[row] = rowAverage.updated(old, sum: rowSum)
      meanRowMoment += rowMoments[row]
    }
    meanRowMoment /= A(rows)
    var total = meanRowMoment
    for column in 0..<columns {
      let old = A.lanes(oldColumns, first &* columns &+ column, stride: columns, count, as: A.self)
      columnMoments[column] = columnAverage.updated(old, sum: columnMoments[column])
      total += columnMoments[column]
    }
    if !total.laneSum.isFinite { updateMomentsInDouble(oldRows, oldColumns) }
  }

  /// Computes new R, C and mean R from sums in Double.
  @inline(never)
  private mutating func updateMomentsInDouble(_ oldRows: UnsafePointer<A>, _ oldColumns: UnsafePointer<A>) {
    for lane in 0..<count {
      let matrix = first &+ lane
      var mean = 0.0
      for row in 0..<rows {
        var sum = 0.0
        for column in 0..<columns { sum += squares[row &* columns &+ column][lane].doubleValue }
        rowMoments[row][lane] = rowAverage.updated(oldRows[matrix &* rows &+ row], sum: sum)
        mean += rowMoments[row][lane].doubleValue / Double(rows)
      }
      meanRowMoment[lane] = A(mean)
      for column in 0..<columns {
        var sum = 0.0
        for row in 0..<rows { sum += squares[row &* columns &+ column][lane].doubleValue }
        columnMoments[column][lane] = columnAverage.updated(
          oldColumns[matrix &* columns &+ column], sum: sum)
      }
    }
  }

  /// Returns Σ u² with u² = (g² / R · mean R) / C. In this order, each factor is bounded if u is.
  @inline(__always)
  func sumOfSquaredUpdates() -> Double {
    var (rowInverses, columnInverses) = (SIMD8<A>(), SIMD8<A>())
    for column in 0..<columns {
      columnFactors[column] = 1 / columnMoments[column]
      columnInverses += columnFactors[column]
    }
    var sum = SIMD8<A>()
    for row in 0..<rows {
      let inverse = 1 / rowMoments[row]
      rowInverses += inverse
      var rowSum = SIMD8<A>()
      for column in 0..<columns {
        rowSum += squares[row &* columns &+ column] * inverse * meanRowMoment * columnFactors[column]
      }
      sum += rowSum
    }
    var total = 0.0
    for lane in 0..<count { total += Double(sum[lane]) }
    // The error of `total` in units of the least subnormal number, if squares and their quotients are
    // subnormal.
    let error = (meanRowMoment * (rowInverses + A(rows)) + A(rows)) * columnInverses
    return total.isFinite && error.laneSum <= .mostSubnormalUnits ? total : sumOfSquaredUpdatesInDouble()
  }

  /// Returns Σ u² in Double.
  @inline(never)
  private func sumOfSquaredUpdatesInDouble() -> Double {
    var total = 0.0
    for lane in 0..<count {
      for row in 0..<rows {
        for column in 0..<columns {
          total += squaredUpdateInDouble(
            gradient[row &* columns &+ column][lane], rowMoments[row][lane], columnMoments[column][lane],
            mean: meanRowMoment[lane])
        }
      }
    }
    return total
  }

  /// Computes row factors `factor` · √(mean R / R) and column factors 1 / √C.
  @inline(__always)
  func setFactors(_ factor: A) {
    let root = factor * meanRowMoment.squareRoot()
    for row in 0..<rows { rowFactors[row] = root / rowMoments[row].squareRoot() }
    for column in 0..<columns { columnFactors[column] = 1 / columnMoments[column].squareRoot() }
  }

  /// Writes new R and C.
  @inline(__always)
  func storeMoments(rows target: UnsafeMutablePointer<A>, columns columnTarget: UnsafeMutablePointer<A>) {
    for row in 0..<rows {
      A.storeLanes(rowMoments[row], target, first &* rows &+ row, stride: rows, count)
    }
    for column in 0..<columns {
      A.storeLanes(
        columnMoments[column], columnTarget, first &* columns &+ column, stride: columns, count)
    }
  }
}

extension TensorScalar {
  /// Returns elements `offset`, `offset` + `stride`, …, one per lane. Lanes from `count` repeat the last
  /// element.
  @inline(__always)
  static func lanes<A: ArithmeticScalar>(
    _ base: UnsafeRawPointer, _ offset: Int, stride: Int, _ count: Int, as type: A.Type
  ) -> SIMD8<A> {
    let first = base + offset &* MemoryLayout<Self>.stride
    let step = stride &* MemoryLayout<Self>.stride
    if count < laneCount {
      var elements = SIMD8<A>()
      for lane in 0..<laneCount {
        let element = first.loadUnaligned(fromByteOffset: min(lane, count &- 1) &* step, as: Self.self)
        elements[lane] = A.self == Double.self ? A(element.doubleValue) : A(element.floatValue)
      }
      return elements
    }
    @inline(__always) func element(_ lane: Int) -> A {
      let element = first.loadUnaligned(fromByteOffset: lane &* step, as: Self.self)
      return A.self == Double.self ? A(element.doubleValue) : A(element.floatValue)
    }
    return SIMD8(
      element(0), element(1), element(2), element(3), element(4), element(5), element(6), element(7))
  }

  /// Stores the first `count` lanes as elements `offset`, `offset` + `stride`, ….
  @inline(__always)
  static func storeLanes<A: ArithmeticScalar>(
    _ vector: SIMD8<A>, _ base: UnsafeMutableRawPointer, _ offset: Int, stride: Int, _ count: Int
  ) {
    @inline(__always) func store(_ lane: Int) {
      let value = vector[lane]
      let element = A.self == Double.self ? Self(value.doubleValue) : Self(value.floatValue)
      let index = offset &+ lane &* stride
      base.storeBytes(of: element, toByteOffset: index &* MemoryLayout<Self>.stride, as: Self.self)
    }
    if count == laneCount {
      store(0)
      store(1)
      store(2)
      store(3)
      store(4)
      store(5)
      store(6)
      store(7)
    } else {
      for lane in 0..<count { store(lane) }
    }
  }
}

/// Returns u² = g² mean R / (R C), in Double.
@inline(__always)
func squaredUpdateInDouble<A: ArithmeticScalar>(_ g: A, _ r: A, _ c: A, mean: A) -> Double {
  // This is true of most elements if rows and columns of zeros led here. The result is 0, or NaN for an
  // infinite mean.
  if g == 0 && r > 0 && c > 0 { return (mean - mean).doubleValue }
  let u =
    (g.doubleValue / r.doubleValue.squareRoot()) * (mean.doubleValue / c.doubleValue).squareRoot()
  return u * u
}

extension ArithmeticScalar {
  /// The error in units of the least subnormal number up to which Σ u² of a few matrices is accurate to 10⁻⁹.
  ///
  /// For Double, this would be beyond its range, and so are the moments that could exceed it.
  @inline(__always)
  static var mostSubnormalUnits: Self { Self.self == Float.self ? 0x1p119 : greatestFiniteMagnitude }
}

import KernelInterface

/// Adafactor on many 3 × 3 matrices, as in convolutions, on their elements in memory order.
///
/// Some matrices at a time go through short loops over scratch memory in the first-level cache. When three
/// numbers of a row are needed together, four are read. The fourth is computed with but never used, and if it
/// is written, the next row overwrites it. This takes half the time of ``EightMatrices``, whose lanes must be
/// gathered.
struct ThreeByThreeMatrices<G: TensorScalar, A: ArithmeticScalar> {
  private let batch: MatrixBatch
  private let average: MovingAverage<A>
  private let oldRowMoments: UnsafeRawPointer
  private let oldColumnMoments: UnsafeRawPointer

  /// The index of the first matrix in the scratch memory, and the number of matrices.
  private var first = 0
  private var count = 0

  // One per element.
  private let gradient: UnsafeMutablePointer<A>
  /// g², later the update.
  private let squares: UnsafeMutablePointer<A>
  // One per row or column.
  private let rowMoments: UnsafeMutablePointer<A>
  private let columnMoments: UnsafeMutablePointer<A>
  private let rowFactors: UnsafeMutablePointer<A>
  private let columnFactors: UnsafeMutablePointer<A>
  // One per matrix.
  private let meanRowMoments: UnsafeMutablePointer<A>

  /// The number of matrices in the scratch memory, which takes 4 KiB in Float.
  private static var capacity: Int { 32 }
  /// The distance in bytes at which memory is prefetched: some chunks, between which nothing else reads
  /// memory.
  private static var prefetchDistance: Int { 4096 }
  /// The number of elements after each array that may be read or written, but are not used.
  private static var margin: Int { 8 }

  // MARK: The kernels

  /// Like ``SmallMatrices/statistics(_:rowMoments:columnMoments:)``.
  static func statistics(_ batch: MatrixBatch, rowMoments: Elements, columnMoments: Elements) -> Double {
    var total = 0.0
    forEachChunk(of: batch, rowMoments.of(A.self), columnMoments.of(A.self)) {
      total += $0.sumOfSquaredUpdates()
    }
    return total
  }

  /// Like ``SmallMatrices/update(_:_:rowMoments:columnMoments:factor:change:)``, for parameters of type `P`.
  static func update<P: TensorScalar>(
    _ parameter: MutableElements, of _: P.Type, _ batch: MatrixBatch, rowMoments: MutableElements,
    columnMoments: MutableElements, factor: Double, change: ParameterChange
  ) {
    let (rows, columns) = (rowMoments.of(A.self), columnMoments.of(A.self))
    let writer = ParameterWriter<P, A>(change)
    forEachChunk(of: batch, rows, columns) { chunk in
      chunk.storeMoments(rows: rows, columns: columns)
      chunk.computeUpdates(A(factor))
      chunk.apply(writer, to: parameter)
    }
  }

  // MARK: Chunks

  @inline(__always)
  private static func forEachChunk(
    of batch: MatrixBatch, _ rowMoments: UnsafePointer<A>, _ columnMoments: UnsafePointer<A>,
    _ body: (ThreeByThreeMatrices) -> Void
  ) {
    let numbers = (2 * 9 + 4 * 3 + 1) * capacity + 7 * margin
    withUnsafeTemporaryAllocation(of: A.self, capacity: numbers) { memory in
      memory.initialize(repeating: 1)
      var chunk = ThreeByThreeMatrices(batch, rowMoments, columnMoments, memory.baseAddress!)
      for first in stride(from: 0, to: batch.count, by: capacity) {
        chunk.first = first
        chunk.count = min(capacity, batch.count - first)
        chunk.readGradient()
        chunk.updateMoments()
        body(chunk)
      }
    }
  }

  private init(
    _ batch: MatrixBatch, _ rowMoments: UnsafePointer<A>, _ columnMoments: UnsafePointer<A>,
    _ memory: UnsafeMutablePointer<A>
  ) {
    self.batch = batch
    average = MovingAverage(batch.average(count: 3))
    oldRowMoments = UnsafeRawPointer(rowMoments)
    oldColumnMoments = UnsafeRawPointer(columnMoments)
    let (elements, lines) = (9 * Self.capacity + Self.margin, 3 * Self.capacity + Self.margin)
    gradient = memory
    squares = gradient + elements
    self.rowMoments = squares + elements
    self.columnMoments = self.rowMoments + lines
    rowFactors = self.columnMoments + lines
    columnFactors = rowFactors + lines
    meanRowMoments = columnFactors + lines
  }

  /// Computes scaled g and g².
  @inline(__always)
  private func readGradient() {
    let scale = SIMD8<A>(repeating: A(batch.scale))
    let (source, start) = (batch.gradient.address, 9 &* first)
    forEachVector(9 &* count) { offset, valid in
      prefetch(source + ((start &+ offset) &* MemoryLayout<G>.stride &+ Self.prefetchDistance))
      let g = scale * G.load(source, start &+ offset, valid, as: A.self)
      _ = A.store(g, UnsafeMutableRawPointer(gradient), offset, valid)
      _ = A.store(g * g, UnsafeMutableRawPointer(squares), offset, valid)
    }
  }

  /// Computes new R, C and mean R.
  @inline(__always)
  private func updateMoments() {
    for row in 0..<3 &* count {
      let q = squares + 3 &* row
      rowMoments[row] = q[0] + q[1] + q[2]
    }
    for matrix in 0..<count {
      let q = squares + 9 &* matrix
      (columnMoments + 3 &* matrix).row = q.row + (q + 3).row + (q + 6).row
    }
    update(rowMoments, from: oldRowMoments)
    update(columnMoments, from: oldColumnMoments)
    for matrix in 0..<count {
      let r = rowMoments + 3 &* matrix
      meanRowMoments[matrix] = (r[0] + r[1] + r[2]) / 3
    }
    let total =
      sum(rowMoments, 3 &* count) + sum(columnMoments, 3 &* count) + sum(meanRowMoments, count)
    if !total.isFinite { updateMomentsInDouble() }
  }

  /// Computes new R, C and mean R from sums in Double.
  @inline(never)
  private func updateMomentsInDouble() {
    let (oldRows, oldColumns) = (
      oldRowMoments.assumingMemoryBound(to: A.self), oldColumnMoments.assumingMemoryBound(to: A.self)
    )
    for matrix in 0..<count {
      let (q, line) = (squares + 9 &* matrix, 3 &* matrix)
      var mean = 0.0
      for index in 0..<3 {
        let (row, column) = (q + 3 &* index, q + index)
        let rowSum = row[0].doubleValue + row[1].doubleValue + row[2].doubleValue
        let columnSum = column[0].doubleValue + column[3].doubleValue + column[6].doubleValue
        let old = 3 &* first &+ line &+ index
        rowMoments[line &+ index] = average.updated(oldRows[old], sum: rowSum)
        columnMoments[line &+ index] = average.updated(oldColumns[old], sum: columnSum)
        mean += rowMoments[line &+ index].doubleValue / 3
      }
      meanRowMoments[matrix] = A(mean)
    }
  }

  /// Returns Σ x.
  @inline(__always)
  private func sum(_ numbers: UnsafeMutablePointer<A>, _ count: Int) -> Double {
    chunkedSum(count) { offset, valid in A.load(UnsafeRawPointer(numbers), offset, valid, as: A.self) }
  }

  /// Replaces sums with new moments.
  @inline(__always)
  private func update(_ sums: UnsafeMutablePointer<A>, from old: UnsafeRawPointer) {
    let (sums, start) = (UnsafeMutableRawPointer(sums), 3 &* first)
    forEachVector(3 &* count) { offset, valid in
      prefetch(old + ((start &+ offset) &* MemoryLayout<A>.stride &+ Self.prefetchDistance))
      let sum = A.load(UnsafeRawPointer(sums), offset, valid, as: A.self)
      _ = A.store(average.updated(A.load(old, start &+ offset, valid), sum: sum), sums, offset, valid)
    }
  }

  // MARK: Statistics

  /// Returns Σ u² with u² = (g² / R · mean R) / C. In this order, each factor is bounded if u is.
  @inline(__always)
  private func sumOfSquaredUpdates() -> Double {
    for row in 0..<3 &* count { rowFactors[row] = 1 / rowMoments[row] }
    for column in 0..<3 &* count { columnFactors[column] = 1 / columnMoments[column] }
    var (sum0, sum1, sum2) = (SIMD4<A>(), SIMD4<A>(), SIMD4<A>())
    for matrix in 0..<count {
      let (q, r) = (squares + 9 &* matrix, rowFactors + 3 &* matrix)
      let mean = SIMD4(repeating: meanRowMoments[matrix])
      let c = (columnFactors + 3 &* matrix).row
      sum0 += q.row * SIMD4(repeating: r[0]) * mean * c
      sum1 += (q + 3).row * SIMD4(repeating: r[1]) * mean * c
      sum2 += (q + 6).row * SIMD4(repeating: r[2]) * mean * c
    }
    let sum = sum0 + sum1 + sum2
    let total = Double(sum.x + sum.y + sum.z)
    return total.isFinite && isReliable ? total : sumOfSquaredUpdatesInDouble()
  }

  /// Whether no subnormal square or quotient matters, either for all matrices together or for each of them.
  private var isReliable: Bool {
    @inline(__always) func isSmall(_ mean: Double, _ rowInverses: Double, _ columnInverses: Double) -> Bool {
      // The error in units of the least subnormal number, as in ``EightMatrices``.
      (mean * (rowInverses + 3) + 3) * columnInverses <= A.mostSubnormalUnits.doubleValue
    }
    if isSmall(sum(meanRowMoments, count), sum(rowFactors, 3 &* count), sum(columnFactors, 3 &* count)) {
      return true
    }
    for matrix in 0..<count {
      let (r, c) = (rowFactors + 3 &* matrix, columnFactors + 3 &* matrix)
      if !isSmall(
        meanRowMoments[matrix].doubleValue, (r[0] + r[1] + r[2]).doubleValue,
        (c[0] + c[1] + c[2]).doubleValue)
      {
        return false
      }
    }
    return true
  }

  /// Returns Σ u² in Double.
  @inline(never)
  private func sumOfSquaredUpdatesInDouble() -> Double {
    var total = 0.0
    for index in 0..<9 &* count {
      let (row, matrix) = (index / 3, index / 9)
      total += squaredUpdateInDouble(
        gradient[index], rowMoments[row], columnMoments[3 &* matrix &+ index % 3],
        mean: meanRowMoments[matrix])
    }
    return total
  }

  // MARK: Update

  /// Writes new R and C.
  @inline(__always)
  private func storeMoments(rows: UnsafeMutablePointer<A>, columns: UnsafeMutablePointer<A>) {
    (rows + 3 &* first).update(from: rowMoments, count: 3 &* count)
    (columns + 3 &* first).update(from: columnMoments, count: 3 &* count)
  }

  /// Replaces g² with u = `factor` · √(mean R / R) (g / √C).
  @inline(__always)
  private func computeUpdates(_ factor: A) {
    for matrix in 0..<count { meanRowMoments[matrix] = factor * meanRowMoments[matrix].squareRoot() }
    for row in 0..<3 &* count { rowFactors[row] = 1 / rowMoments[row].squareRoot() }
    for column in 0..<3 &* count { columnFactors[column] = 1 / columnMoments[column].squareRoot() }
    for matrix in 0..<count {
      let (g, u, r) = (gradient + 9 &* matrix, squares + 9 &* matrix, rowFactors + 3 &* matrix)
      let root = meanRowMoments[matrix]
      let c = (columnFactors + 3 &* matrix).row
      u.row = SIMD4(repeating: root * r[0]) * (c * g.row)
      (u + 3).row = SIMD4(repeating: root * r[1]) * (c * (g + 3).row)
      (u + 6).row = SIMD4(repeating: root * r[2]) * (c * (g + 6).row)
    }
  }

  /// Applies the updates to the parameter.
  @inline(__always)
  private func apply<P: TensorScalar>(_ writer: ParameterWriter<P, A>, to parameter: MutableElements) {
    let (updates, start) = (UnsafeRawPointer(squares), 9 &* first)
    let target = parameter.address + start &* MemoryLayout<P>.stride
    if writer.onlySubtracts {
      forEachVector(9 &* count) { offset, valid in
        prefetch(target + (offset &* MemoryLayout<P>.stride &+ Self.prefetchDistance))
        _ = writer.subtract(A.load(updates, offset, valid), from: target, offset, valid)
      }
    } else {
      forEachVector(9 &* count) { offset, valid in
        _ = writer.apply(A.load(updates, offset, valid), to: target, offset, valid, momentAt: start)
      }
    }
  }
}

extension UnsafeMutablePointer where Pointee: ArithmeticScalar {
  /// Returns three numbers that begin here, and the number after them.
  @inline(__always)
  fileprivate var row: SIMD4<Pointee> {
    get { UnsafeRawPointer(self).loadUnaligned(as: SIMD4<Pointee>.self) }
    nonmutating set { UnsafeMutableRawPointer(self).storeBytes(of: newValue, as: SIMD4<Pointee>.self) }
  }
}

import KernelInterface

/// What one thread needs while it works on one block: nothing outlives the block.
struct ThreadScratch {
  /// New R of a block.
  let rowMoments: MutableElements
  /// New C of a block.
  let columnMoments: MutableElements
  /// α' √mean R / √R of a block.
  let rowFactors: MutableElements
  /// 1 / √C of a block.
  let columnFactors: MutableElements
  /// Σ g² per column of a few rows.
  let partialSums: MutableElements
  /// Σ g² / R per column of a few rows.
  let partialWeightedSums: MutableElements
  /// Σ g² per column or row of a matrix.
  let sums: UnsafeMutablePointer<Double>
  /// Σ g² / R per column, or Σ g² / C per row, of a matrix.
  let weightedSums: UnsafeMutablePointer<Double>

  /// The lengths of the arrays, for the largest of several tensors.
  struct Capacity: Equatable {
    var rows = 0
    var columns = 0
    var columnSums = 0
    var totals = 0

    init() {}

    /// What the blocks of one tensor need.
    init(_ partition: BlockPartition) {
      switch partition.form {
      case .elements, .smallMatrices: break
      case .rows:
        rows = min(partition.blockLength, partition.rows)
        columnSums = partition.columns
      case .columns:
        rows = partition.rows
        columns = min(partition.blockLength, partition.columns)
      case .matrices:
        rows = partition.rows
        columns = partition.columns
        // Sums run over the shorter way of a wide matrix, over the columns of any other.
        columnSums = partition.isWide ? 0 : partition.columns
        totals = partition.isWide ? partition.rows : partition.columns
      }
    }

    /// What serves both.
    func union(_ other: Capacity) -> Capacity {
      var result = self
      result.rows = max(rows, other.rows)
      result.columns = max(columns, other.columns)
      result.columnSums = max(columnSums, other.columnSums)
      result.totals = max(totals, other.totals)
      return result
    }

    /// Bytes of one thread's scratch, in arithmetic of eight bytes at the most.
    var byteCount: Int {
      func line(_ count: Int) -> Int { (count * 8 + 63) / 64 * 64 }
      return 2 * line(rows) + 2 * line(columns) + 2 * line(columnSums) + 2 * line(totals)
    }
  }

  /// The scratch at `address`, on a cache line with room for `capacity`.
  init(_ address: UnsafeMutableRawPointer, _ capacity: Capacity, arithmetic: ScalarType) {
    var cursor = address
    func advance(_ count: Int) -> UnsafeMutableRawPointer {
      let start = cursor
      cursor += (count * 8 + 63) / 64 * 64
      return start
    }
    rowMoments = MutableElements(advance(capacity.rows), arithmetic)
    columnMoments = MutableElements(advance(capacity.columns), arithmetic)
    rowFactors = MutableElements(advance(capacity.rows), arithmetic)
    columnFactors = MutableElements(advance(capacity.columns), arithmetic)
    partialSums = MutableElements(advance(capacity.columnSums), arithmetic)
    partialWeightedSums = MutableElements(advance(capacity.columnSums), arithmetic)
    sums = advance(capacity.totals).bindMemory(to: Double.self, capacity: capacity.totals)
    weightedSums = advance(capacity.totals).bindMemory(to: Double.self, capacity: capacity.totals)
  }

  /// Sums of `count` columns into these totals, the partial ones at 0.
  func columnSums(
    total: UnsafeMutablePointer<Double>, totalWeighted: UnsafeMutablePointer<Double>, count: Int
  ) -> ColumnSums {
    for sums in [partialSums, partialWeightedSums] {
      sums.address.initializeMemory(as: UInt8.self, repeating: 0, count: count * sums.type.byteCount)
    }
    return ColumnSums(
      partial: partialSums, partialWeighted: partialWeightedSums, total: total, totalWeighted: totalWeighted,
      count: count)
  }
}

import KernelInterface

/// Where the phases of one tensor's step hand on their numbers: a part of the step's `Workspace`.
struct AdafactorWorkspace {
  /// Per block: Σ p² before the step.
  var squaresBefore: UnsafeMutablePointer<Double>
  /// Per block: Σ p² after it.
  var squaresAfter: UnsafeMutablePointer<Double>
  /// Per block: Σ R of its rows (form `rows`), or its part of Σ u² (the other forms).
  var blockSums: UnsafeMutablePointer<Double>
  /// Per block in the forms `rows` and `columns`: Σ g² and Σ g²/R per column, or Σ g² and Σ g²/C per row.
  var partialSums: UnsafeMutablePointer<Double>?
  /// Per chunk of columns (form `rows`) or matrix (form `columns`): its part of Σ u² / mean R.
  var chunkSums: UnsafeMutablePointer<Double>?
  /// Per trailing matrix: mean R.
  var meanRowMoments: UnsafeMutablePointer<Double>?
  /// New R, where it is kept between the phases.
  var rowMoments: MutableElements?
  /// New C, where it is kept between the phases.
  var columnMoments: MutableElements?
  /// 1 / √C, where C is complete before the update.
  var columnFactors: MutableElements?
}

/// How much workspace a tensor's step takes, and what of its new moments is kept rather than computed twice.
struct WorkspaceLayout {
  /// Numbers per block: Σ p² twice, and one sum.
  let blockCount: Int
  /// Doubles for partial sums: blocks × 2 × (columns or rows).
  let partialSums: Int
  /// Doubles for the sums of chunks.
  let chunks: Int
  /// Doubles for mean R.
  let matrices: Int
  /// New R kept, in arithmetic numbers; 0 where the update computes it again.
  let rowMoments: Int
  /// New C kept, in arithmetic numbers; 0 where the update computes it again.
  let columnMoments: Int
  /// Column factors kept.
  let columnFactors: Int

  /// Columns that are combined at a time, so that several threads can share a wide matrix.
  static let chunkColumns = 256

  /// New moments are kept where they are this much smaller than the tensor, or few.
  private static let elementsPerKeptMoment = 64
  private static let keptMomentsAlways = 4096

  init(_ partition: BlockPartition) {
    func keeps(_ count: Int) -> Bool {
      count <= Self.keptMomentsAlways || count <= partition.elementCount / Self.elementsPerKeptMoment
    }
    let rows = partition.matrixCount * partition.rows
    let columns = partition.matrixCount * partition.columns
    blockCount = partition.blockCount
    switch partition.form {
    case .elements, .smallMatrices:
      (partialSums, chunks, matrices, rowMoments, columnMoments, columnFactors) = (0, 0, 0, 0, 0, 0)
    case .matrices:
      let keepsBoth = keeps(rows + columns)
      (partialSums, chunks, columnFactors) = (0, 0, 0)
      matrices = partition.matrixCount
      rowMoments = keepsBoth ? rows : 0
      columnMoments = keepsBoth ? columns : 0
    case .rows:
      partialSums = partition.blockCount * 2 * partition.columns
      chunks = partition.matrixCount * Self.chunksPerMatrix(partition)
      matrices = partition.matrixCount
      rowMoments = keeps(rows) ? rows : 0
      columnMoments = columns
      columnFactors = columns
    case .columns:
      partialSums = partition.blockCount * 2 * partition.rows
      chunks = partition.matrixCount
      matrices = partition.matrixCount
      rowMoments = rows
      columnMoments = keeps(columns) ? columns : 0
      columnFactors = 0
    }
  }

  /// Chunks of columns in a matrix of the form `rows`.
  static func chunksPerMatrix(_ partition: BlockPartition) -> Int {
    (partition.columns + chunkColumns - 1) / chunkColumns
  }

  /// Bytes of a tensor's workspace.
  func byteCount(arithmeticBytes: Int) -> Int {
    let doubles = 3 * blockCount + partialSums + chunks + matrices
    let numbers = rowMoments + columnMoments + columnFactors
    // Each array starts on a cache line.
    return doubles * 8 + numbers * arithmeticBytes + 9 * 64
  }

  /// The workspace at `address`, which has room for `byteCount` bytes.
  func bind(_ address: UnsafeMutableRawPointer, arithmetic: ScalarType) -> AdafactorWorkspace {
    var cursor = address
    func advance(_ bytes: Int) -> UnsafeMutableRawPointer {
      let start = cursor.alignedUp(toMultipleOf: 64)
      cursor = start + bytes
      return start
    }
    func doubles(_ count: Int) -> UnsafeMutablePointer<Double> {
      advance(count * 8).bindMemory(to: Double.self, capacity: count)
    }
    func numbers(_ count: Int) -> MutableElements? {
      count == 0 ? nil : MutableElements(advance(count * arithmetic.byteCount), arithmetic)
    }
    return AdafactorWorkspace(
      squaresBefore: doubles(blockCount), squaresAfter: doubles(blockCount), blockSums: doubles(blockCount),
      partialSums: partialSums == 0 ? nil : doubles(partialSums),
      chunkSums: chunks == 0 ? nil : doubles(chunks),
      meanRowMoments: matrices == 0 ? nil : doubles(matrices), rowMoments: numbers(rowMoments),
      columnMoments: numbers(columnMoments), columnFactors: numbers(columnFactors))
  }
}

/// The division of one tensor into blocks. It depends only on the shape, so results don't depend on threads
/// or on the number of machines that share the tensor.
package struct BlockPartition: Sendable, Equatable {
  /// The number of trailing matrices of the tensor: the product of all axes before the last two, or 1 for
  /// vectors.
  package let matrixCount: Int
  /// The number of rows of a trailing matrix, or 1 for vectors.
  package let rows: Int
  /// The number of columns of a trailing matrix, or the number of elements of a vector.
  package let columns: Int
  /// The kind of block.
  package let form: Form
  /// The number of blocks in the whole tensor.
  package let blockCount: Int
  /// The number of rows, columns, matrices or elements of a block. The last block may have fewer.
  package let blockLength: Int
  /// The number of blocks per trailing matrix in the forms that divide a matrix, or 1 in the other forms.
  package let blocksPerMatrix: Int
  /// The number of trailing matrices, rows and columns of a block. The last block along each axis may have
  /// fewer.
  private let size: (matrices: Int, rows: Int, columns: Int)

  /// A kind of block.
  package enum Form: Sendable, Equatable {
    /// Elements of a tensor that is not factored.
    case elements
    /// Rows of one trailing matrix, the most common form. Columns are summed over blocks.
    case rows
    /// Columns of one trailing matrix with all rows, for wide matrices of few rows.
    case columns
    /// Whole trailing matrices, each too small to divide.
    case matrices
    /// Whole trailing matrices that are so small that several are processed at once.
    case smallMatrices
  }

  /// Creates the partition of a tensor of this shape.
  ///
  /// - Parameters:
  ///   - dimensions: The lengths of the axes.
  ///   - factored: Whether second moments are kept per row and column. Otherwise, they are kept per element.
  package init(dimensions: [Int], factored: Bool) {
    let elements = dimensions.reduce(1, *)
    guard factored, dimensions.count >= 2 else {
      self.init(matrixCount: 1, rows: 1, columns: elements, form: .elements, blockLength: Self.blockElements)
      return
    }
    let rows = dimensions[dimensions.count - 2]
    let columns = dimensions[dimensions.count - 1]
    let matrix = rows * columns
    let matrixCount = dimensions.dropLast(2).reduce(1, *)
    if matrix <= KernelLimits.smallMatrixElements && matrixCount > 1 {
      self.init(
        matrixCount: matrixCount, rows: rows, columns: columns, form: .smallMatrices,
        blockLength: Self.blockElements / max(1, matrix))
    } else if matrix <= Self.blockElements || Self.isLeanAsWholes(matrixCount, rows, columns) {
      self.init(
        matrixCount: matrixCount, rows: rows, columns: columns, form: .matrices,
        blockLength: max(1, Self.blockElements / max(1, matrix)))
    } else if Self.isWide(rows: rows, columns: columns) {
      let elements = min(max(Self.blockElements, matrix / Self.panelsOfAMatrix), Self.mostElementsOfAPanel)
      self.init(
        matrixCount: matrixCount, rows: rows, columns: columns, form: .columns,
        blockLength: roundUp(elements / rows, to: Self.columnStep))
    } else {
      self.init(
        matrixCount: matrixCount, rows: rows, columns: columns, form: .rows,
        blockLength: Self.rowsOfABlock(matrixCount, rows, columns))
    }
  }

  private init(matrixCount: Int, rows: Int, columns: Int, form: Form, blockLength: Int) {
    self.matrixCount = matrixCount
    self.rows = rows
    self.columns = columns
    self.form = form
    self.blockLength = blockLength
    switch form {
    case .elements: size = (1, 1, blockLength)
    case .rows: size = (1, blockLength, columns)
    case .columns: size = (1, rows, blockLength)
    case .matrices, .smallMatrices: size = (blockLength, rows, columns)
    }
    let isEmpty = matrixCount == 0 || rows == 0 || columns == 0
    blocksPerMatrix = isEmpty ? 0 : blocks(of: rows, size.rows) * blocks(of: columns, size.columns)
    blockCount = isEmpty ? 0 : blocks(of: matrixCount, size.matrices) * blocksPerMatrix
  }

  /// The approximate number of elements of a block, if the shape allows it: few enough that gradient and
  /// parameter stay in the second-level cache, and enough that handing the block to a thread costs little.
  package static let blockElements = 16384

  /// The maximum number of row blocks of a large matrix.
  private static let mostBlocksOfAMatrix = 32

  /// The maximum number of columns for which blocks of the fewest rows do not take more memory than a step
  /// may.
  private static let mostColumnsOfALowBlock = 16384

  /// The maximum number of rows of a matrix that is divided into panels. With more rows, rows of a
  /// power-of-two length evict each other from the second-level cache between the two passes over a panel,
  /// which doubles the time.
  private static let mostRowsOfAPanel = 64

  /// The minimum number of row blocks that occupies enough threads. With fewer, panels are faster.
  private static let leastBlocksOfAMatrix = 4

  /// The maximum number of elements of a matrix whose blocks may have few rows, at the cost of more column
  /// sums.
  private static let mostElementsOfLowBlocks = 1 << 20

  /// The number of panels that a matrix has before panels grow, which is enough for many threads.
  private static let panelsOfAMatrix = 64

  /// The maximum number of elements of a panel. Gradient and parameter still stay in the second-level cache.
  /// Rows are as long as possible, because memory is read fastest in long runs.
  private static let mostElementsOfAPanel = 65536

  /// The number of columns by which panels grow: whole cache lines, and whole vectors.
  private static let columnStep = 64

  /// The minimum number of undivided matrices that occupies enough threads.
  private static let leastWholeMatrices = 8

  /// Returns whether a matrix is divided by columns, because rows would make too few blocks or blocks that
  /// take too much memory, and panels have long rows.
  private static func isWide(rows: Int, columns: Int) -> Bool {
    guard columns >= 4 * rows else { return false }
    let length = rowsOfABlock(rows: rows, columns: columns)
    return rows <= mostRowsOfAPanel || blocks(of: rows, length) < leastBlocksOfAMatrix
      || columns > mostColumnsOfALowBlock && exceedsMemory(1, rows, columns, rowsOfABlock: length)
  }

  /// Returns whether the matrices of a stack are undivided because blocks of rows would take too much memory.
  private static func isLeanAsWholes(_ matrices: Int, _ rows: Int, _ columns: Int) -> Bool {
    guard matrices >= leastWholeMatrices, columns <= mostColumnsOfALowBlock,
      !isWide(rows: rows, columns: columns)
    else { return false }
    return exceedsMemory(
      matrices, rows, columns, rowsOfABlock: rowsOfABlock(rows: rows, columns: columns))
  }

  /// Returns whether blocks of rows, with two threads, take more than 1 MB and a sixteenth of the matrices in
  /// Float32.
  private static func exceedsMemory(
    _ matrices: Int, _ rows: Int, _ columns: Int, rowsOfABlock length: Int
  ) -> Bool {
    // Per column: two sums in Double for every block and for the total, C and 1 / √C, and two sums for each
    // thread.
    let blocks = blocks(of: rows, length)
    let sums = columns * (matrices * (16 * (blocks + 1) + 9) + 16)
    // Per block: a few numbers, and R if it is kept.
    let others = matrices * (64 * blocks + (columns < 64 ? 0 : 4 * rows)) + 16 * length
    return sums + others > 1 << 20 + matrices * rows * columns / 4
  }

  /// Returns the number of rows of a block in the form `rows` in a stack, which is larger if blocks would
  /// take too much memory.
  private static func rowsOfABlock(_ matrices: Int, _ rows: Int, _ columns: Int) -> Int {
    var length = rowsOfABlock(rows: rows, columns: columns)
    while length < rows && exceedsMemory(matrices, rows, columns, rowsOfABlock: length) { length *= 2 }
    return length
  }

  /// Returns the number of rows of a block in the form `rows`.
  private static func rowsOfABlock(rows: Int, columns: Int) -> Int {
    // Each block keeps two Double sums per column. With 64 rows (the rows of a column sum in the arithmetic
    // type), they take 1/16 of the matrix. Long rows take twice as many, because each thread has such sums
    // too.
    let sum = KernelLimits.rowsPerColumnSum
    let least = columns > mostColumnsOfALowBlock ? 2 * sum : 1
    // A thread holds two numbers per row of a block.
    let length = max(blockElements / columns, min(rows / mostBlocksOfAMatrix, blockElements), least)
    // Few rows of a small matrix are divided into more blocks with half the rows.
    let step = rows < 8 * sum && rows * columns <= mostElementsOfLowBlocks ? sum / 2 : sum
    return roundUp(length, to: step)
  }

  /// The number of elements of one trailing matrix.
  package var matrixElements: Int { rows * columns }

  /// The number of elements of the tensor.
  package var elementCount: Int { matrixCount * rows * columns }

  /// Whether a matrix is first read column by column, because it has many columns and few rows.
  package var isWide: Bool { Self.isWide(rows: rows, columns: columns) }

  /// The block with this index.
  package subscript(index: Int) -> Block {
    let (matrix, part) = index.quotientAndRemainder(dividingBy: blocksPerMatrix)
    // A matrix is divided along one axis only, so that all its blocks are ordered along rows or along
    // columns.
    let (row, column) = size.rows < rows ? (part, 0) : (0, part)
    return Block(
      matrices: Self.range(matrix, size.matrices, within: matrixCount),
      rows: Self.range(row, size.rows, within: rows),
      columns: Self.range(column, size.columns, within: columns))
  }

  private static func range(_ index: Int, _ length: Int, within count: Int) -> Range<Int> {
    index * length..<min((index + 1) * length, count)
  }

  package static func == (left: BlockPartition, right: BlockPartition) -> Bool {
    (left.matrixCount, left.rows, left.columns, left.form, left.blockLength)
      == (right.matrixCount, right.rows, right.columns, right.form, right.blockLength)
  }
}

/// The part of a tensor that is in this process's memory: consecutive blocks without gaps.
///
/// Sums, means and decisions concern the whole tensor (`partition`). Addresses concern only the part in
/// memory.
package struct Extent: Sendable {
  /// The whole tensor.
  package let partition: BlockPartition
  /// The blocks in this process.
  package let blocks: Range<Int>
  /// The trailing matrices in this process.
  package let matrices: Range<Int>
  /// The rows of these matrices in this process.
  package let rows: Range<Int>
  /// The columns of these matrices in this process.
  package let columns: Range<Int>

  /// Creates the extent of some or all blocks of a tensor.
  ///
  /// - Precondition: The blocks are parts of one divided matrix, or blocks that hold whole matrices.
  package init(_ partition: BlockPartition, blocks: Range<Int>? = nil) {
    let blocks = blocks ?? 0..<partition.blockCount
    self.partition = partition
    self.blocks = blocks
    guard blocks.count < partition.blockCount else {
      matrices = 0..<(partition.blockCount == 0 ? 0 : partition.matrixCount)
      rows = 0..<partition.rows
      columns = 0..<partition.columns
      return
    }
    if blocks.isEmpty {
      // No elements, but of a single matrix that is divided the moments that all processes hold.
      let isDivided = partition.blocksPerMatrix > 1 && partition.matrixCount == 1
      matrices = 0..<(isDivided ? 1 : 0)
      rows = 0..<(isDivided && partition.form == .rows ? 0 : partition.rows)
      columns = 0..<(isDivided && partition.form != .rows ? 0 : partition.columns)
      return
    }
    let (first, last) = (partition[blocks.lowerBound], partition[blocks.upperBound - 1])
    matrices = first.matrices.lowerBound..<last.matrices.upperBound
    let isWithinOne = partition.blocksPerMatrix > 1
    guard !isWithinOne || matrices.count == 1 || blocks.count % partition.blocksPerMatrix == 0 else {
      fatalError("blocks \(blocks) are neither parts of one matrix nor whole matrices of \(partition)")
    }
    rows =
      isWithinOne && matrices.count == 1
      ? first.rows.lowerBound..<last.rows.upperBound : 0..<partition.rows
    columns =
      isWithinOne && matrices.count == 1
      ? first.columns.lowerBound..<last.columns.upperBound : 0..<partition.columns
  }

  /// The number of elements in this process.
  package var elementCount: Int { matrices.count * rows.count * columns.count }

  /// Whether this is the whole tensor.
  package var isWhole: Bool { blocks.count == partition.blockCount }

  /// The index in the whole tensor of the first element in this process.
  package var firstElement: Int {
    (matrices.lowerBound * partition.rows + rows.lowerBound) * partition.columns + columns.lowerBound
  }

  /// The number of elements from the start of a row to the start of the next.
  package var stride: Int { columns.count }

  /// Returns the number of elements in this process before the first element of a block.
  package func offset(of block: Block) -> Int {
    let row =
      (block.matrices.lowerBound - matrices.lowerBound) * rows.count
      + (block.rows.lowerBound - rows.lowerBound)
    return row * columns.count + (block.columns.lowerBound - columns.lowerBound)
  }
}

/// A block of a tensor: some trailing matrices, with some rows and some columns of each.
package struct Block: Sendable, Equatable {
  /// The indices of the trailing matrices.
  package let matrices: Range<Int>
  /// The rows of each matrix.
  package let rows: Range<Int>
  /// The columns of each matrix.
  package let columns: Range<Int>

  /// The number of elements of the block.
  package var elementCount: Int { matrices.count * rows.count * columns.count }
}

/// Returns the number of blocks of `length` that cover `count`.
private func blocks(of count: Int, _ length: Int) -> Int {
  (count + length - 1) / length
}

/// Returns the least multiple of `step` that is at least `value`.
private func roundUp(_ value: Int, to step: Int) -> Int {
  max(1, (value + step - 1) / step) * step
}

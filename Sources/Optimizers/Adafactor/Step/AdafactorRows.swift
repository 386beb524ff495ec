import KernelInterface

/// Adafactor on a matrix by blocks of rows, the common form. A stack of matrices is stepped matrix by matrix.
///
/// Rᵢ of row i is complete as soon as the row has been read, so the same pass adds up cⱼ = Σᵢ g²ᵢⱼ and Dⱼ = Σᵢ g²ᵢⱼ / Rᵢ for
/// every column. Then Cⱼ ← β Cⱼ + (1−β)(cⱼ / n + ε₁), and Σ u² = mean R · Σⱼ Dⱼ / Cⱼ.
final class AdafactorRows: AdafactorStep {
  /// The numbers that a phase passes on to the next one.
  private struct Workspace {
    /// Per block: Σ p² before and after the step, and Σ R / n and Σ 1 / R over its rows.
    let squaresBefore, squaresAfter, rowMomentMeans, rowInverses: UnsafeMutablePointer<Double>
    /// Per block: c and D, one number for each column.
    let partialSums: UnsafeMutablePointer<Double>
    /// Σ p² and the number of blocks that are not settled; and per matrix mean R, Σ 1 / R, c and D. Processes that share a
    /// matrix have all of this per subtree, and add it up; processes that share a stack have Σ p² per subtree.
    let totals: UnsafeMutablePointer<Double>
    /// Per chunk of columns: its parts of Σⱼ Dⱼ / Cⱼ and of Σⱼ 1 / Cⱼ.
    let quotients, columnInverses: UnsafeMutablePointer<Double>
    /// Σ u² and its error.
    let stack: StackSums
    /// New R, if the update does not compute it again.
    let rowMoments: MutableElements
    /// New C, and 1 / √C.
    let columnMoments, columnFactors: MutableElements

    init(_ memory: inout ScratchAllocator, _ form: Form) {
      let blocks = form.extent.blocks.count
      squaresBefore = memory.doubles(blocks)
      squaresAfter = memory.doubles(blocks)
      rowMomentMeans = memory.doubles(blocks)
      rowInverses = memory.doubles(blocks)
      partialSums = memory.doubles(blocks * 2 * form.columns)
      totals = memory.doubles(
        form.subtrees * form.totalsPerSubtree
          + (form.isDivided ? 0 : form.matrices * form.totalsPerMatrix))
      stack = StackSums(&memory, form.extent, isShared: form.isShared)
      quotients = memory.doubles(form.matrices * form.chunks)
      columnInverses = memory.doubles(form.matrices * form.chunks)
      rowMoments = memory.elements(form.keepsRowMoments ? form.matrices * form.rows : 0, form.arithmetic)
      columnMoments = memory.elements(form.matrices * form.columns, form.arithmetic)
      columnFactors = memory.elements(form.matrices * form.columns, form.arithmetic)
    }
  }

  /// The scratch memory of a thread for one block.
  private struct Scratch {
    /// New R of the block's rows, and α' √mean R / √R.
    let rowMoments, rowFactors: MutableElements
    /// c and D of a few rows, in the arithmetic type.
    let partialSums, partialWeightedSums: MutableElements

    init(_ memory: inout ScratchAllocator, _ form: Form) {
      rowMoments = memory.elements(form.rowsPerBlock, form.arithmetic)
      rowFactors = memory.elements(form.rowsPerBlock, form.arithmetic)
      partialSums = memory.elements(form.columns, form.arithmetic)
      partialWeightedSums = memory.elements(form.columns, form.arithmetic)
    }
  }

  /// The sizes.
  private struct Form {
    let extent: Extent
    let arithmetic: ScalarType
    /// The numbers of matrices, rows and columns that are in this process.
    let matrices, rows, columns: Int
    let rowsPerBlock: Int
    /// The number of blocks per matrix in this process.
    let blocksPerMatrix: Int
    /// The number of chunks. Columns are folded and completed in chunks, so that several threads can share a wide matrix.
    let chunks: Int
    /// Whether R is kept between the phases: true if it is small, or much smaller than the tensor.
    let keepsRowMoments: Bool
    /// Whether several processes hold blocks of the tensor, and whether these are parts of one matrix.
    let isShared, isDivided: Bool
    /// The number of subtrees for which there is memory.
    let subtrees: Int

    /// The number of columns in a chunk.
    static let chunkColumns = 256

    init(_ extent: Extent, _ layout: StepLayout) {
      self.extent = extent
      arithmetic = layout.scalarType.arithmeticType
      isShared = layout.isShared
      isDivided = isShared && extent.partition.matrixCount == 1 && extent.partition.blocksPerMatrix > 1
      subtrees = extent.subtreeCapacity
      (matrices, rows, columns) = (extent.matrices.count, extent.rows.count, extent.columns.count)
      rowsPerBlock = min(extent.partition.blockLength, rows)
      blocksPerMatrix = matrices == 0 ? 0 : extent.blocks.count / matrices
      chunks = (columns + Self.chunkColumns - 1) / Self.chunkColumns
      keepsRowMoments = extent.partition.keeps(extent.partition.matrixCount * extent.partition.rows)
    }

    /// Mean R, Σ 1 / R, c and D.
    var totalsPerMatrix: Int { 2 + 2 * columns }

    /// The numbers that a process has for each subtree.
    var totalsPerSubtree: Int { 2 + (isDivided ? totalsPerMatrix : 0) }

    /// Returns the columns of a chunk.
    func columns(ofChunk chunk: Int) -> Range<Int> {
      chunk * Self.chunkColumns..<min((chunk + 1) * Self.chunkColumns, columns)
    }
  }

  private let form: Form
  private var workspace: Workspace
  /// R and C of the state.
  private var rowMoments, columnMoments: MutableElements

  init(
    _ group: RuleGroup<AdafactorOptions>, _ layout: StepLayout, _ extent: Extent, state: AdafactorState?,
    kernels: KernelTable
  ) {
    form = Form(extent, layout)
    var (measured, scratch, nothing) = (ScratchAllocator(), ScratchAllocator(), ScratchAllocator())
    workspace = Workspace(&measured, form)
    _ = Scratch(&scratch, form)
    rowMoments = nothing.elements(0, form.arithmetic)
    columnMoments = rowMoments
    super.init(
      group, layout, extent, state: state, kernels: kernels, workspace: measured, scratch: scratch)
  }

  override func bindWorkspace(_ address: UnsafeMutableRawPointer) {
    var memory = ScratchAllocator(address)
    workspace = Workspace(&memory, form)
    // Without matrices, no fold sets it.
    (workspace.totals[0], workspace.totals[1]) = (0, 0)
  }

  override func bindMoments(of state: inout AdafactorState) {
    (rowMoments, columnMoments) = state.factoredMoments()
  }

  // MARK: Statistics: new R of the block's rows, and the block's parts of c and D

  override func readStatistics(_ index: Int, _ memory: UnsafeMutableRawPointer) {
    let block = block(index, memory)
    if needsSquares {
      workspace.squaresBefore[index] = sumOfSquares(
        block.offset, rows: block.rows, columns: form.columns, stride: form.columns)
    }
    let scratch = block.scratch
    for sums in [scratch.partialSums, scratch.partialWeightedSums] {
      sums.address.initializeMemory(
        as: UInt8.self, repeating: 0, count: form.columns * form.arithmetic.byteCount)
    }
    let sums = workspace.partialSums + index * 2 * form.columns
    let new = form.keepsRowMoments ? workspace.rowMoments.advanced(by: block.firstRow) : scratch.rowMoments
    kernels.rowStatistics(
      block.piece, average(count: form.columns), rowMoments.reading.advanced(by: block.firstRow), new,
      ColumnSums(
        partial: scratch.partialSums, partialWeighted: scratch.partialWeightedSums, total: sums,
        totalWeighted: sums + form.columns, count: form.columns))
    (workspace.rowMomentMeans[index], workspace.rowInverses[index]) = survey(
      new.reading, block.rows, total: extent.partition.rows)
  }

  override var unsettled: (blocks: UnsafeMutablePointer<Double>, total: UnsafeMutablePointer<Double>)? {
    (workspace.squaresBefore, workspace.totals + 1)
  }

  override func isSettled(_ index: Int, _ memory: UnsafeMutableRawPointer, bound: Double) -> Bool {
    let block = block(index, memory)
    var new = workspace.rowMoments.advanced(by: block.firstRow)
    if !form.keepsRowMoments {
      new = block.scratch.rowMoments
      kernels.rowMoments(
        block.piece, average(count: form.columns), rowMoments.reading.advanced(by: block.firstRow), new)
    }
    return isSettled(
      block.piece, rowMoments: new.reading, mean: meanRowMoment(block.matrix),
      columnInverses: columnInverses(block.matrix), bound: bound)
  }

  // MARK: Fold: c, D, mean R, Σ 1 / R and Σ p² over the blocks

  override var foldCount: Int { form.matrices * form.chunks }

  override func foldStatistics(_ part: Int) {
    let (matrix, chunk) = part.quotientAndRemainder(dividingBy: form.chunks)
    if form.isDivided {
      for (index, blocks) in subtrees.enumerated() { fold(blocks, chunk, into: totals(matrix, index)) }
    } else {
      let firstBlock = matrix * form.blocksPerMatrix
      fold(firstBlock..<firstBlock + form.blocksPerMatrix, chunk, into: totals(matrix))
    }
    if part == 0 {
      for index in subtrees.indices { workspace.totals[index * form.totalsPerSubtree + 1] = 0 }
      foldSquares(workspace.squaresBefore, into: workspace.totals, stride: form.totalsPerSubtree)
    }
  }

  /// Mean R and Σ 1 / R with the first chunk, and c and D of a chunk of columns, over some blocks.
  private func fold(_ blocks: Range<Int>, _ chunk: Int, into totals: UnsafeMutablePointer<Double>) {
    let columns = form.columns(ofChunk: chunk)
    let sums = workspace.partialSums + blocks.lowerBound * 2 * form.columns + columns.lowerBound
    for part in [0, form.columns] {
      sumOverBlocks(
        sums + part, blocks: blocks.count, stride: 2 * form.columns, count: columns.count,
        into: totals + (2 + part + columns.lowerBound))
    }
    if chunk == 0 {
      totals[0] = sum(workspace.rowMomentMeans + blocks.lowerBound, blocks.count)
      totals[1] = sum(workspace.rowInverses + blocks.lowerBound, blocks.count)
    }
  }

  override var reduction: StepReduction? {
    StepReduction(workspace.totals, length: form.totalsPerSubtree, .sumOverBlocks)
  }

  // MARK: Moments: new C, 1 / √C and Σ D / C for a chunk of columns

  override var momentTaskCount: Int { form.matrices * form.chunks }

  override func completeMoments(_ task: Int) {
    let (matrix, chunk) = task.quotientAndRemainder(dividingBy: form.chunks)
    let columns = form.columns(ofChunk: chunk)
    let first = matrix * form.columns + columns.lowerBound
    let new = workspace.columnMoments.advanced(by: first)
    let sums = totals(matrix) + (2 + columns.lowerBound)
    workspace.quotients[task] = kernels.finishMoments(
      average(count: extent.partition.rows), columnMoments.reading.advanced(by: first), new, sums,
      sums + form.columns, columns.count)
    workspace.columnInverses[task] = survey(new.reading, columns.count, total: columns.count).inverses
    kernels.reciprocalRoots(
      new.reading, 1, columns.count, workspace.columnFactors.advanced(by: first))
  }

  // MARK: Decide: Σ u² = mean R · Σ D / C

  override func foldMoments() { workspace.stack.fold(extent, terms) }

  override var momentReduction: StepReduction? { form.isDivided ? nil : workspace.stack.reduction }

  override func sums() -> (squares: Double, updateSquares: Double, error: Double?) {
    let (updateSquares, error) =
      form.matrices == 1 && !isShared || form.isDivided
      ? terms(0) : workspace.stack.total(extent, terms)
    return (workspace.totals[0], updateSquares, error)
  }

  /// Σ u² of a matrix and its error.
  private func terms(_ matrix: Int) -> (updateSquares: Double, error: Double) {
    let (mean, inverses) = (meanRowMoment(matrix), columnInverses(matrix))
    return (
      inverses.isNaN
        ? .nan : mean * sum(workspace.quotients + matrix * form.chunks, form.chunks),
      mean * (totals(matrix)[1] + Double(extent.partition.rows)) * inverses
    )
  }

  // MARK: Update: R, C, and P ← P − (α' √mean R / √Rᵢ)(gᵢⱼ / √Cⱼ)

  override func write(_ index: Int, _ memory: UnsafeMutableRawPointer) {
    let block = block(index, memory)
    let newRows = rowMoments.advanced(by: block.firstRow)
    if form.keepsRowMoments {
      commit(workspace.rowMoments.advanced(by: block.firstRow), to: newRows, count: block.rows)
    } else {
      kernels.rowMoments(block.piece, average(count: form.columns), newRows.reading, newRows)
    }
    let firstColumn = block.matrix * form.columns
    if block.isFirstOfMatrix {
      commit(
        workspace.columnMoments.advanced(by: firstColumn), to: columnMoments.advanced(by: firstColumn),
        count: form.columns)
    }
    kernels.reciprocalRoots(
      newRows.reading, factor * meanRowMoment(block.matrix).squareRoot(), block.rows,
      block.scratch.rowFactors)
    workspace.squaresAfter[index] = kernels.updateFactored(
      tensor.parameter.advanced(by: block.offset), block.piece, block.scratch.rowFactors.reading,
      workspace.columnFactors.reading.advanced(by: firstColumn), change(at: block.offset))
  }

  override func writeWithoutBlocks() {
    guard form.matrices > 0 else { return }
    commit(workspace.columnMoments, to: columnMoments, count: form.matrices * form.columns)
  }

  override var squaresAfterByBlock: UnsafeMutablePointer<Double> { workspace.squaresAfter }

  // MARK: Places

  /// Returns mean R, Σ 1 / R, c and D of a matrix, or of a subtree of it.
  private func totals(_ matrix: Int, _ subtree: Int = 0) -> UnsafeMutablePointer<Double> {
    form.isDivided
      ? workspace.totals + (subtree * form.totalsPerSubtree + 2)
      : workspace.totals + (form.subtrees * form.totalsPerSubtree + matrix * form.totalsPerMatrix)
  }

  private func meanRowMoment(_ matrix: Int) -> Double { totals(matrix)[0] }

  private func columnInverses(_ matrix: Int) -> Double {
    sum(workspace.columnInverses + matrix * form.chunks, form.chunks)
  }

  /// Returns a block: its matrix and first row among the matrices and rows in this process, its rows, the offset of its
  /// first element, and the gradient's elements.
  private func block(_ index: Int, _ memory: UnsafeMutableRawPointer) -> (
    matrix: Int, firstRow: Int, rows: Int, isFirstOfMatrix: Bool, offset: Int, piece: GradientPiece,
    scratch: Scratch
  ) {
    let block = extent.partition[extent.blocks.lowerBound + index]
    let matrix = block.matrices.lowerBound - extent.matrices.lowerBound
    let row = block.rows.lowerBound - extent.rows.lowerBound
    let offset = extent.offset(of: block)
    var allocator = ScratchAllocator(memory)
    return (
      matrix, matrix * form.rows + row, block.rows.count, row == 0, offset,
      piece(offset, rows: block.rows.count, columns: form.columns), Scratch(&allocator, form)
    )
  }
}

extension BlockPartition {
  /// Whether `count` new moments are kept between the phases rather than computed twice: if they are much smaller than the
  /// tensor, or few. Both give the same bits, but for matrices of one row: so the whole tensor decides.
  func keeps(_ count: Int) -> Bool { count <= 4096 || count <= elementCount / 64 }
}

import KernelInterface

/// Adafactor on a wide matrix with few rows, by panels of columns. A stack of matrices is stepped matrix by matrix.
///
/// Compared with `AdafactorRows`, the axes are exchanged: Cⱼ of column j is complete as soon as its panel has been read, so
/// the same pass adds up rᵢ = Σⱼ g²ᵢⱼ and Eᵢ = Σⱼ g²ᵢⱼ / Cⱼ for every row. Then Rᵢ ← β Rᵢ + (1−β)(rᵢ / m + ε₁), and
/// Σ u² = mean R · Σᵢ Eᵢ / Rᵢ.
final class AdafactorColumns: AdafactorStep {
  /// The numbers that a phase passes on to the next one.
  private struct Workspace {
    /// Per block: Σ p² before and after the step, and Σ 1 / C over its columns.
    let squaresBefore, squaresAfter, columnInverses: UnsafeMutablePointer<Double>
    /// Per block: r and E, one number for each row.
    let partialSums: UnsafeMutablePointer<Double>
    /// Σ p² and the number of blocks that are not settled; and per matrix r, E and Σ 1 / C. Processes that share a matrix
    /// have all of this per subtree, and add it up; processes that share a stack have Σ p² per subtree.
    let totals: UnsafeMutablePointer<Double>
    /// Σ u² and its error.
    let stack: StackSums
    /// Per matrix: Σᵢ Eᵢ / Rᵢ, mean R and Σ 1 / R.
    let quotients, meanRowMoments, rowInverses: UnsafeMutablePointer<Double>
    /// New R.
    let rowMoments: MutableElements
    /// New C, if the update does not compute it again.
    let columnMoments: MutableElements

    init(_ memory: inout ScratchAllocator, _ form: Form) {
      let blocks = form.extent.blocks.count
      squaresBefore = memory.doubles(blocks)
      squaresAfter = memory.doubles(blocks)
      columnInverses = memory.doubles(blocks)
      partialSums = memory.doubles(blocks * 2 * form.rows)
      totals = memory.doubles(
        form.subtrees * form.totalsPerSubtree
          + (form.isDivided ? 0 : form.matrices * form.totalsPerMatrix))
      stack = StackSums(&memory, form.extent, isShared: form.isShared)
      quotients = memory.doubles(form.matrices)
      meanRowMoments = memory.doubles(form.matrices)
      rowInverses = memory.doubles(form.matrices)
      rowMoments = memory.elements(form.matrices * form.rows, form.arithmetic)
      columnMoments = memory.elements(
        form.keepsColumnMoments ? form.matrices * form.columns : 0, form.arithmetic)
    }
  }

  /// The scratch memory of a thread for one block.
  private struct Scratch {
    /// New C of the block's columns, and 1 / √C.
    let columnMoments, columnFactors: MutableElements
    /// α' √mean R / √R.
    let rowFactors: MutableElements

    init(_ memory: inout ScratchAllocator, _ form: Form) {
      columnMoments = memory.elements(form.columnsPerBlock, form.arithmetic)
      columnFactors = memory.elements(form.columnsPerBlock, form.arithmetic)
      rowFactors = memory.elements(form.rows, form.arithmetic)
    }
  }

  /// The sizes.
  private struct Form {
    let extent: Extent
    let arithmetic: ScalarType
    /// The numbers of matrices, rows and columns that are in this process.
    let matrices, rows, columns: Int
    let columnsPerBlock: Int
    /// The number of blocks per matrix in this process.
    let blocksPerMatrix: Int
    /// Whether C is kept between the phases: true if it is small, or much smaller than the tensor.
    let keepsColumnMoments: Bool
    /// Whether several processes hold blocks of the tensor, and whether these are parts of one matrix.
    let isShared, isDivided: Bool
    /// The number of subtrees for which there is memory.
    let subtrees: Int

    init(_ extent: Extent, _ layout: StepLayout) {
      self.extent = extent
      arithmetic = layout.scalarType.arithmeticType
      isShared = layout.isShared
      isDivided = isShared && extent.partition.matrixCount == 1 && extent.partition.blocksPerMatrix > 1
      (matrices, rows, columns) = (extent.matrices.count, extent.rows.count, extent.columns.count)
      columnsPerBlock = min(extent.partition.blockLength, columns)
      blocksPerMatrix = matrices == 0 ? 0 : extent.blocks.count / matrices
      keepsColumnMoments = extent.partition.keeps(extent.partition.matrixCount * extent.partition.columns)
      subtrees = extent.subtreeCapacity
    }

    /// r, E and Σ 1 / C.
    var totalsPerMatrix: Int { 2 * rows + 1 }

    /// The numbers that a process has for each subtree.
    var totalsPerSubtree: Int { 2 + (isDivided ? totalsPerMatrix : 0) }
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

  // MARK: Statistics: new C of the panel's columns, and the panel's parts of r and E

  override func readStatistics(_ index: Int, _ memory: UnsafeMutableRawPointer) {
    let block = block(index, memory)
    if needsSquares {
      workspace.squaresBefore[index] = sumOfSquares(
        block.offset, rows: form.rows, columns: block.columns, stride: extent.stride)
    }
    let sums = workspace.partialSums + index * 2 * form.rows
    sums.update(repeating: 0, count: 2 * form.rows)
    let new =
      form.keepsColumnMoments
      ? workspace.columnMoments.advanced(by: block.firstColumn) : block.scratch.columnMoments
    workspace.columnInverses[index] = kernels.panelStatistics(
      block.piece, average(count: form.rows), columnMoments.reading.advanced(by: block.firstColumn), new,
      sums, sums + form.rows)
  }

  override var unsettled: (blocks: UnsafeMutablePointer<Double>, total: UnsafeMutablePointer<Double>)? {
    (workspace.squaresBefore, workspace.totals + 1)
  }

  override func isSettled(_ index: Int, _ memory: UnsafeMutableRawPointer, bound: Double) -> Bool {
    let block = block(index, memory)
    return isSettled(
      block.piece, rowMoments: workspace.rowMoments.reading.advanced(by: block.matrix * form.rows),
      mean: workspace.meanRowMoments[block.matrix], columnInverses: totals(block.matrix)[2 * form.rows],
      bound: bound)
  }

  // MARK: Fold: r, E and Σ p² over the blocks

  override var foldCount: Int { form.matrices }

  override func foldStatistics(_ matrix: Int) {
    if form.isDivided {
      for (index, blocks) in subtrees.enumerated() { fold(blocks, into: totals(matrix, index)) }
    } else {
      let firstBlock = matrix * form.blocksPerMatrix
      fold(firstBlock..<firstBlock + form.blocksPerMatrix, into: totals(matrix))
    }
    if matrix == 0 {
      for index in subtrees.indices { workspace.totals[index * form.totalsPerSubtree + 1] = 0 }
      foldSquares(workspace.squaresBefore, into: workspace.totals, stride: form.totalsPerSubtree)
    }
  }

  private func fold(_ blocks: Range<Int>, into totals: UnsafeMutablePointer<Double>) {
    let count = 2 * form.rows
    sumOverBlocks(
      workspace.partialSums + blocks.lowerBound * count, blocks: blocks.count, stride: count, count: count,
      into: totals)
    totals[count] = sum(workspace.columnInverses + blocks.lowerBound, blocks.count)
  }

  override var reduction: StepReduction? {
    StepReduction(workspace.totals, length: form.totalsPerSubtree, .sumOverBlocks)
  }

  // MARK: Moments: new R, its mean and Σ E / R of a matrix

  override var momentTaskCount: Int { form.matrices }

  override func completeMoments(_ matrix: Int) {
    let new = workspace.rowMoments.advanced(by: matrix * form.rows)
    let sums = totals(matrix)
    workspace.quotients[matrix] = kernels.finishMoments(
      average(count: extent.partition.columns), rowMoments.reading.advanced(by: matrix * form.rows), new,
      sums, sums + form.rows, form.rows)
    (workspace.meanRowMoments[matrix], workspace.rowInverses[matrix]) = survey(
      new.reading, form.rows, total: form.rows)
  }

  // MARK: Decide: Σ u² = mean R · Σ E / R

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
    let (mean, inverses) = (workspace.meanRowMoments[matrix], totals(matrix)[2 * form.rows])
    return (
      inverses.isNaN ? .nan : mean * workspace.quotients[matrix],
      mean * (inverses + Double(extent.partition.columns)) * workspace.rowInverses[matrix]
    )
  }

  // MARK: Update: R, C, and P ← P − (α' √mean R / √Rᵢ)(gᵢⱼ / √Cⱼ)

  override func write(_ index: Int, _ memory: UnsafeMutableRawPointer) {
    let block = block(index, memory)
    let newColumns = columnMoments.advanced(by: block.firstColumn)
    let newRows = workspace.rowMoments.advanced(by: block.matrix * form.rows)
    let rowFactor = factor * workspace.meanRowMoments[block.matrix].squareRoot()
    if block.isFirstOfMatrix {
      commit(newRows, to: rowMoments.advanced(by: block.matrix * form.rows), count: form.rows)
    }
    if form.rows == 1 && !form.keepsColumnMoments {
      // Each column is one element, so one sweep computes its new moment and its update.
      workspace.squaresAfter[index] = kernels.updateElements(
        tensor.parameter.advanced(by: block.offset), block.piece, average(count: 1), newColumns,
        rowFactor / newRows.reading.moment(0).squareRoot(), change(at: block.offset))
      return
    }
    if form.keepsColumnMoments {
      commit(
        workspace.columnMoments.advanced(by: block.firstColumn), to: newColumns, count: block.columns)
    } else {
      kernels.columnMoments(block.piece, average(count: form.rows), newColumns.reading, newColumns)
    }
    kernels.reciprocalRoots(newColumns.reading, 1, block.columns, block.scratch.columnFactors)
    kernels.reciprocalRoots(newRows.reading, rowFactor, form.rows, block.scratch.rowFactors)
    if form.isDivided, case .stochastic = change(at: 0).rounding { return writeRowByRow(block, index) }
    workspace.squaresAfter[index] = kernels.updateFactored(
      tensor.parameter.advanced(by: block.offset), block.piece, block.scratch.rowFactors.reading,
      block.scratch.columnFactors.reading, change(at: block.offset))
  }

  /// Writes a block of which each row has its own place among the elements of the whole tensor: the draws of stochastic
  /// rounding depend on it.
  private func writeRowByRow(_ block: BlockPlace, _ index: Int) {
    for row in 0..<form.rows {
      let offset = block.offset + row * extent.stride
      var change = change(at: offset)
      change.rounding = self.change(at: 0).rounding.advanced(
        by: row * extent.partition.columns + block.firstColumn)
      _ = kernels.updateFactored(
        tensor.parameter.advanced(by: offset), piece(offset, rows: 1, columns: block.columns),
        block.scratch.rowFactors.reading.advanced(by: row), block.scratch.columnFactors.reading, change)
    }
    workspace.squaresAfter[index] = sumOfSquares(
      block.offset, rows: form.rows, columns: block.columns, stride: extent.stride)
  }

  override func writeWithoutBlocks() {
    guard form.matrices > 0 else { return }
    commit(workspace.rowMoments, to: rowMoments, count: form.matrices * form.rows)
  }

  override var squaresAfterByBlock: UnsafeMutablePointer<Double> { workspace.squaresAfter }

  // MARK: Places

  /// Returns r, E and Σ 1 / C of a matrix, or of a subtree of it.
  private func totals(_ matrix: Int, _ subtree: Int = 0) -> UnsafeMutablePointer<Double> {
    form.isDivided
      ? workspace.totals + (subtree * form.totalsPerSubtree + 2)
      : workspace.totals + (form.subtrees * form.totalsPerSubtree + matrix * form.totalsPerMatrix)
  }

  /// A block: its matrix and first column among the matrices and columns in this process, its columns, the offset of its first
  /// element, and the gradient's elements.
  private typealias BlockPlace = (
    matrix: Int, firstColumn: Int, columns: Int, isFirstOfMatrix: Bool, offset: Int, piece: GradientPiece,
    scratch: Scratch
  )

  private func block(_ index: Int, _ memory: UnsafeMutableRawPointer) -> BlockPlace {
    let block = extent.partition[extent.blocks.lowerBound + index]
    let matrix = block.matrices.lowerBound - extent.matrices.lowerBound
    let column = block.columns.lowerBound - extent.columns.lowerBound
    let offset = extent.offset(of: block)
    var allocator = ScratchAllocator(memory)
    return (
      matrix, matrix * form.columns + column, block.columns.count, column == 0, offset,
      piece(offset, rows: form.rows, columns: block.columns.count), Scratch(&allocator, form)
    )
  }
}

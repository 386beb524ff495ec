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
    /// Σ p² and the number of blocks that are not settled, then r, E and Σ 1 / C of each matrix. Machines that share a
    /// matrix add up these numbers.
    let totals: UnsafeMutableBufferPointer<Double>
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
      let totalCount = 2 + form.matrices * form.totalsPerMatrix
      totals = UnsafeMutableBufferPointer(start: memory.doubles(totalCount), count: totalCount)
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

    init(_ extent: Extent, _ arithmetic: ScalarType) {
      self.extent = extent
      self.arithmetic = arithmetic
      (matrices, rows, columns) = (extent.matrices.count, extent.rows.count, extent.columns.count)
      columnsPerBlock = min(extent.partition.blockLength, columns)
      blocksPerMatrix = matrices == 0 ? 0 : extent.blocks.count / matrices
      keepsColumnMoments = extent.keeps(matrices * columns)
    }

    /// r, E and Σ 1 / C.
    var totalsPerMatrix: Int { 2 * rows + 1 }
  }

  private let form: Form
  private var workspace: Workspace
  /// R and C of the state.
  private var rowMoments, columnMoments: MutableElements

  init(
    _ group: RuleGroup<AdafactorOptions>, _ layout: StepLayout, _ extent: Extent, state: AdafactorState?,
    kernels: KernelTable
  ) {
    form = Form(extent, layout.scalarType.arithmeticType)
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
    workspace.totals[0] = 0
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
    (workspace.squaresBefore, workspace.totals.baseAddress! + 1)
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
    let blocks = form.blocksPerMatrix
    sumOverBlocks(
      workspace.partialSums + matrix * blocks * 2 * form.rows, blocks: blocks, stride: 2 * form.rows,
      count: 2 * form.rows, into: totals(matrix))
    totals(matrix)[2 * form.rows] = sum(workspace.columnInverses + matrix * blocks, blocks)
    if matrix == 0 {
      workspace.totals[0] = needsSquares ? sum(workspace.squaresBefore, extent.blocks.count) : 0
    }
  }

  override var reduction: UnsafeMutableBufferPointer<Double> { workspace.totals }

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

  override func sums() -> (squares: Double, updateSquares: Double, error: Double?) {
    var (updateSquares, error) = (0.0, 0.0)
    for matrix in 0..<form.matrices {
      let (mean, inverses) = (workspace.meanRowMoments[matrix], totals(matrix)[2 * form.rows])
      updateSquares += inverses.isNaN ? .nan : mean * workspace.quotients[matrix]
      error += mean * (inverses + Double(extent.partition.columns)) * workspace.rowInverses[matrix]
    }
    return (workspace.totals[0], updateSquares, error)
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
    workspace.squaresAfter[index] = kernels.updateFactored(
      tensor.parameter.advanced(by: block.offset), block.piece, block.scratch.rowFactors.reading,
      block.scratch.columnFactors.reading, change(at: block.offset))
  }

  override func sumOfSquaresAfter() -> Double { sum(workspace.squaresAfter, extent.blocks.count) }

  // MARK: Places

  /// Returns r, E and Σ 1 / C of a matrix.
  private func totals(_ matrix: Int) -> UnsafeMutablePointer<Double> {
    workspace.totals.baseAddress! + (2 + matrix * form.totalsPerMatrix)
  }

  /// Returns a block: its matrix and first column among the matrices and columns in this process, its columns, the offset
  /// of its first element, and the gradient's elements.
  private func block(_ index: Int, _ memory: UnsafeMutableRawPointer) -> (
    matrix: Int, firstColumn: Int, columns: Int, isFirstOfMatrix: Bool, offset: Int, piece: GradientPiece,
    scratch: Scratch
  ) {
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

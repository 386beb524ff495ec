import KernelInterface

/// Adafactor on trailing matrices that are too small to divide: each block consists of whole matrices.
///
/// Statistics run along rows as in `AdafactorRows`, or along the columns of a wide matrix as in `AdafactorColumns`, and
/// complete both R and C at once.
final class AdafactorMatrices: AdafactorStep {
  /// The numbers that a phase passes on to the next one.
  private struct Workspace {
    /// Per block: Σ p² before and after the step, and Σ u².
    let squaresBefore, squaresAfter, updateSquares: UnsafeMutablePointer<Double>
    /// Σ p² and Σ u², per subtree if processes share the tensor.
    let totals: UnsafeMutablePointer<Double>
    /// Per matrix: mean R.
    let meanRowMoments: UnsafeMutablePointer<Double>
    /// New R and C, if the update does not compute them again.
    let rowMoments, columnMoments: MutableElements

    init(_ memory: inout ScratchAllocator, _ form: Form) {
      squaresBefore = memory.doubles(form.extent.blocks.count)
      squaresAfter = memory.doubles(form.extent.blocks.count)
      updateSquares = memory.doubles(form.extent.blocks.count)
      totals = memory.doubles(2 * form.extent.subtreeCapacity)
      meanRowMoments = memory.doubles(form.matrices)
      let kept = form.keepsMoments ? form.matrices : 0
      rowMoments = memory.elements(kept * form.rows, form.arithmetic)
      columnMoments = memory.elements(kept * form.columns, form.arithmetic)
    }
  }

  /// The scratch memory of a thread for one matrix.
  private struct Scratch {
    /// New R and C, and the factors α' √mean R / √R and 1 / √C.
    let rowMoments, rowFactors, columnMoments, columnFactors: MutableElements
    /// Column sums of a few rows, in the arithmetic type.
    let partialSums, partialWeightedSums: MutableElements
    /// c and D per column, or r and E per row of a wide matrix.
    let sums, weightedSums: UnsafeMutablePointer<Double>

    init(_ memory: inout ScratchAllocator, _ form: Form) {
      rowMoments = memory.elements(form.rows, form.arithmetic)
      rowFactors = memory.elements(form.rows, form.arithmetic)
      columnMoments = memory.elements(form.columns, form.arithmetic)
      columnFactors = memory.elements(form.columns, form.arithmetic)
      partialSums = memory.elements(form.isWide ? 0 : form.columns, form.arithmetic)
      partialWeightedSums = memory.elements(form.isWide ? 0 : form.columns, form.arithmetic)
      sums = memory.doubles(form.isWide ? form.rows : form.columns)
      weightedSums = memory.doubles(form.isWide ? form.rows : form.columns)
    }
  }

  /// The sizes.
  private struct Form {
    let extent: Extent
    let arithmetic: ScalarType
    /// The number of matrices in this process, and the rows and columns of a matrix.
    let matrices, rows, columns: Int
    /// Whether statistics run along columns.
    let isWide: Bool
    /// Whether R and C are kept between the phases: true if they are small, or much smaller than the tensor.
    let keepsMoments: Bool

    init(_ extent: Extent, _ arithmetic: ScalarType) {
      self.extent = extent
      self.arithmetic = arithmetic
      (matrices, rows, columns) = (extent.matrices.count, extent.partition.rows, extent.partition.columns)
      isWide = extent.partition.isWide
      keepsMoments = extent.partition.keeps(
        extent.partition.matrixCount * (rows + columns))
    }

    /// The matrices of a block, counted from the first one in this process.
    func matrices(ofBlock index: Int) -> Range<Int> {
      let range = extent.partition[extent.blocks.lowerBound + index].matrices
      return range.lowerBound - extent.matrices.lowerBound..<range.upperBound - extent.matrices.lowerBound
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
    (workspace.totals[0], workspace.totals[1]) = (0, 0)
  }

  override func bindMoments(of state: inout AdafactorState) {
    (rowMoments, columnMoments) = state.factoredMoments()
  }

  // MARK: Statistics: new R and C, mean R, and Σ u² = mean R · Σ D / C

  override func readStatistics(_ block: Int, _ memory: UnsafeMutableRawPointer) {
    var allocator = ScratchAllocator(memory)
    let scratch = Scratch(&allocator, form)
    var (squares, updateSquares) = (0.0, 0.0)
    for matrix in form.matrices(ofBlock: block) {
      if needsSquares {
        squares += sumOfSquares(
          matrix * form.rows * form.columns, rows: form.rows, columns: form.columns, stride: form.columns)
      }
      updateSquares += readMatrix(matrix, moments(matrix, scratch), scratch)
    }
    workspace.squaresBefore[block] = squares
    workspace.updateSquares[block] = updateSquares
  }

  /// Computes new R, C and mean R of a matrix, and returns Σ u². If Σ u² is not accurate, computes them again in Double.
  private func readMatrix(
    _ matrix: Int, _ new: (rows: MutableElements, columns: MutableElements), _ scratch: Scratch
  ) -> Double {
    let (sum, error, columnInverses) = readMatrix(matrix, new, scratch, kernels)
    if isReliable(sum, error: error, count: form.rows * form.columns)
      || isSettled(
        piece(matrix), rowMoments: new.rows.reading, mean: workspace.meanRowMoments[matrix],
        columnInverses: columnInverses, updateSquares: sum)
    {
      return sum
    }
    return readMatrix(matrix, new, scratch, exactKernels).updateSquares
  }

  private func readMatrix(
    _ matrix: Int, _ new: (rows: MutableElements, columns: MutableElements), _ scratch: Scratch,
    _ kernels: AdafactorKernels
  ) -> (updateSquares: Double, error: Double, columnInverses: Double) {
    let (rows, columns) = (form.rows, form.columns)
    let oldRows = rowMoments.reading.advanced(by: matrix * rows)
    let oldColumns = columnMoments.reading.advanced(by: matrix * columns)
    let (quotients, columnInverses): (Double, Double)
    if form.isWide {
      scratch.sums.update(repeating: 0, count: rows)
      scratch.weightedSums.update(repeating: 0, count: rows)
      columnInverses = kernels.panelStatistics(
        piece(matrix), average(count: rows), oldColumns, new.columns, scratch.sums, scratch.weightedSums)
      quotients = kernels.finishMoments(
        average(count: columns), oldRows, new.rows, scratch.sums, scratch.weightedSums, rows)
    } else {
      for sums in [scratch.partialSums, scratch.partialWeightedSums] {
        sums.address.initializeMemory(
          as: UInt8.self, repeating: 0, count: columns * form.arithmetic.byteCount)
      }
      kernels.rowStatistics(
        piece(matrix), average(count: columns), oldRows, new.rows,
        ColumnSums(
          partial: scratch.partialSums, partialWeighted: scratch.partialWeightedSums, total: scratch.sums,
          totalWeighted: scratch.weightedSums, count: columns))
      quotients = kernels.finishMoments(
        average(count: rows), oldColumns, new.columns, scratch.sums, scratch.weightedSums, columns)
      columnInverses = survey(new.columns.reading, columns, total: columns).inverses
    }
    let (mean, rowInverses) = survey(new.rows.reading, rows, total: rows)
    workspace.meanRowMoments[matrix] = mean
    let error =
      form.isWide
      ? mean * (columnInverses + Double(columns)) * rowInverses
      : mean * (rowInverses + Double(rows)) * columnInverses
    return (columnInverses.isNaN ? .nan : mean * quotients, error, columnInverses)
  }

  // MARK: Fold

  override var foldCount: Int { 1 }

  override func foldStatistics(_ part: Int) {
    foldSquares(workspace.squaresBefore, into: workspace.totals, stride: 2)
    for (index, blocks) in subtrees.enumerated() {
      workspace.totals[2 * index + 1] = sum(workspace.updateSquares + blocks.lowerBound, blocks.count)
    }
  }

  override var reduction: StepReduction? { StepReduction(workspace.totals, length: 2, .sumOverBlocks) }

  // MARK: Decide

  override func sums() -> (squares: Double, updateSquares: Double, error: Double?) {
    (workspace.totals[0], workspace.totals[1], nil)
  }

  // MARK: Update: R, C, and P ← P − (α' √mean R / √Rᵢ)(gᵢⱼ / √Cⱼ)

  override func write(_ block: Int, _ memory: UnsafeMutableRawPointer) {
    var allocator = ScratchAllocator(memory)
    let scratch = Scratch(&allocator, form)
    let (rows, columns) = (form.rows, form.columns)
    var squares = 0.0
    for matrix in form.matrices(ofBlock: block) {
      let new = moments(matrix, scratch)
      if !form.keepsMoments { _ = readMatrix(matrix, new, scratch) }
      commit(new.rows, to: rowMoments.advanced(by: matrix * rows), count: rows)
      commit(new.columns, to: columnMoments.advanced(by: matrix * columns), count: columns)
      kernels.reciprocalRoots(
        new.rows.reading, factor * workspace.meanRowMoments[matrix].squareRoot(), rows, scratch.rowFactors)
      kernels.reciprocalRoots(new.columns.reading, 1, columns, scratch.columnFactors)
      let start = matrix * rows * columns
      squares += kernels.updateFactored(
        tensor.parameter.advanced(by: start), piece(matrix), scratch.rowFactors.reading,
        scratch.columnFactors.reading, change(at: start))
    }
    workspace.squaresAfter[block] = squares
  }

  override var squaresAfterByBlock: UnsafeMutablePointer<Double> { workspace.squaresAfter }

  // MARK: Places

  /// Returns the memory for a matrix's new moments: memory that is kept for the update, or scratch memory.
  private func moments(
    _ matrix: Int, _ scratch: Scratch
  ) -> (rows: MutableElements, columns: MutableElements) {
    form.keepsMoments
      ? (
        workspace.rowMoments.advanced(by: matrix * form.rows),
        workspace.columnMoments.advanced(by: matrix * form.columns)
      ) : (scratch.rowMoments, scratch.columnMoments)
  }

  /// Returns the gradient's elements of a matrix.
  private func piece(_ matrix: Int) -> GradientPiece {
    piece(matrix * form.rows * form.columns, rows: form.rows, columns: form.columns)
  }
}

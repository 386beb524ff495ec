import KernelInterface

/// Adafactor on many very small trailing matrices, as in convolutions. Kernels work on several matrices at once.
///
/// The statistics compute new R and C without storing them, and the update computes them again.
final class AdafactorSmallMatrices: AdafactorStep {
  /// The numbers that a phase passes on to the next one.
  private struct Workspace {
    /// Per block: Σ p² before and after the step, and Σ u².
    let squaresBefore, squaresAfter, updateSquares: UnsafeMutablePointer<Double>
    /// Σ p² and Σ u², per subtree if processes share the tensor.
    let totals: UnsafeMutablePointer<Double>

    init(_ memory: inout ScratchAllocator, _ extent: Extent) {
      squaresBefore = memory.doubles(extent.blocks.count)
      squaresAfter = memory.doubles(extent.blocks.count)
      updateSquares = memory.doubles(extent.blocks.count)
      totals = memory.doubles(2 * extent.subtreeCapacity)
    }
  }

  private var workspace: Workspace
  /// R and C of the state, which share their memory if they are equal.
  private var rowMoments, columnMoments: MutableElements

  init(
    _ group: RuleGroup<AdafactorOptions>, _ layout: StepLayout, _ extent: Extent, state: AdafactorState?,
    kernels: KernelTable
  ) {
    var (measured, nothing) = (ScratchAllocator(), ScratchAllocator())
    workspace = Workspace(&measured, extent)
    rowMoments = nothing.elements(0, layout.scalarType.arithmeticType)
    columnMoments = rowMoments
    super.init(
      group, layout, extent, state: state, kernels: kernels, workspace: measured,
      scratch: ScratchAllocator())
  }

  override func bindWorkspace(_ address: UnsafeMutableRawPointer) {
    var memory = ScratchAllocator(address)
    workspace = Workspace(&memory, extent)
    (workspace.totals[0], workspace.totals[1]) = (0, 0)
  }

  override func bindMoments(of state: inout AdafactorState) {
    (rowMoments, columnMoments) = state.factoredMoments()
  }

  // MARK: Statistics: Σ u²

  override func readStatistics(_ block: Int, _ scratch: UnsafeMutableRawPointer) {
    let (start, matrix, batch) = batch(block)
    if needsSquares {
      // Read as one run of elements: the rows of small matrices would be mostly padding.
      let count = batch.count * batch.elements
      workspace.squaresBefore[block] = sumOfSquares(start, rows: 1, columns: count, stride: count)
    }
    workspace.updateSquares[block] = kernels.smallMatrixStatistics(
      batch, rowMoments.reading.advanced(by: matrix * batch.rows),
      columnMoments.reading.advanced(by: matrix * batch.columns))
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

  // MARK: Update: R, C and P

  override func write(_ block: Int, _ scratch: UnsafeMutableRawPointer) {
    let (start, matrix, batch) = batch(block)
    workspace.squaresAfter[block] = kernels.updateSmallMatrices(
      tensor.parameter.advanced(by: start), batch, rowMoments.advanced(by: matrix * batch.rows),
      columnMoments.advanced(by: matrix * batch.columns), factor, change(at: start))
  }

  override var squaresAfterByBlock: UnsafeMutablePointer<Double> { workspace.squaresAfter }

  // MARK: Places

  /// Returns a block: the offset of its first element, its first matrix among the matrices in this process, and all its
  /// matrices.
  private func batch(_ index: Int) -> (start: Int, matrix: Int, MatrixBatch) {
    let block = extent.partition[extent.blocks.lowerBound + index]
    let start = extent.offset(of: block)
    return (
      start, block.matrices.lowerBound - extent.matrices.lowerBound,
      MatrixBatch(
        tensor.gradient.advanced(by: start), scale: tensor.gradientScale, count: block.matrices.count,
        rows: block.rows.count, columns: block.columns.count, average: average(count: 1))
    )
  }
}

import KernelInterface

/// Adafactor on a vector or scalar: one second moment v per element, on blocks of elements.
///
/// The statistics compute v without storing it, and the update computes it again.
final class AdafactorElements: AdafactorStep {
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
  /// V of the state.
  private var secondMoments: MutableElements

  init(
    _ group: RuleGroup<AdafactorOptions>, _ layout: StepLayout, _ extent: Extent, state: AdafactorState?,
    kernels: KernelTable
  ) {
    var measured = ScratchAllocator()
    workspace = Workspace(&measured, extent)
    var nothing = ScratchAllocator()
    secondMoments = nothing.elements(0, layout.scalarType.arithmeticType)
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
    secondMoments = state.secondMoments!.mutableElements()
  }

  // MARK: Statistics: Σ g² / v with v ← β v + (1−β)(g² + ε₁)

  override func readStatistics(_ block: Int, _ scratch: UnsafeMutableRawPointer) {
    let (start, piece) = piece(block)
    if needsSquares {
      workspace.squaresBefore[block] = sumOfSquares(
        start, rows: 1, columns: piece.columns, stride: piece.columns)
    }
    workspace.updateSquares[block] = kernels.elementStatistics(
      piece, average(count: 1), secondMoments.reading.advanced(by: start))
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

  // MARK: Update: v, and P ← P − factor · g / √v

  override func write(_ block: Int, _ scratch: UnsafeMutableRawPointer) {
    let (start, piece) = piece(block)
    workspace.squaresAfter[block] = kernels.updateElements(
      tensor.parameter.advanced(by: start), piece, average(count: 1), secondMoments.advanced(by: start),
      factor, change(at: start))
  }

  override var squaresAfterByBlock: UnsafeMutablePointer<Double> { workspace.squaresAfter }

  /// Returns the elements of a block: the offset of the first element, and the gradient's elements.
  private func piece(_ block: Int) -> (start: Int, GradientPiece) {
    let length = extent.partition.blockLength
    let start = block * length
    return (start, piece(start, rows: 1, columns: min(length, extent.elementCount - start)))
  }
}

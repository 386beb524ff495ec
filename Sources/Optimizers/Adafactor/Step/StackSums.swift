import KernelInterface

/// Σ u² and its error over the trailing matrices of a tensor, in the order of the tree over the matrices.
///
/// Processes that share a stack of divided matrices hold whole matrices, so that each completes the moments of its own. These
/// two numbers are all that they combine afterwards.
struct StackSums {
  /// One number per matrix.
  private let updateSquares, errors: UnsafeMutablePointer<Double>
  /// Two numbers per subtree.
  private let totals: UnsafeMutablePointer<Double>
  /// Whether several processes hold matrices of the tensor.
  private let isShared: Bool

  init(_ memory: inout ScratchAllocator, _ extent: Extent, isShared: Bool) {
    self.isShared = isShared
    let matrices = extent.partition.matrixCount == 1 && !isShared ? 0 : extent.matrices.count
    updateSquares = memory.doubles(matrices)
    errors = memory.doubles(matrices)
    totals = memory.doubles(2 * extent.subtreeCapacity)
  }

  /// Returns the sums over all matrices, which have been folded and combined if processes share them.
  func total(
    _ extent: Extent, _ terms: (Int) -> (updateSquares: Double, error: Double)
  ) -> (Double, Double) {
    if !isShared { fold(extent, terms) }
    return (totals[0], totals[1])
  }

  /// Adds up the matrices of each subtree in this process.
  func fold(_ extent: Extent, _ terms: (Int) -> (updateSquares: Double, error: Double)) {
    for matrix in 0..<extent.matrices.count { (updateSquares[matrix], errors[matrix]) = terms(matrix) }
    (totals[0], totals[1]) = (0, 0)
    let subtrees = extent.subtrees(of: extent.matrices, count: extent.partition.matrixCount)
    for (index, matrices) in subtrees.enumerated() {
      totals[2 * index] = sum(updateSquares + matrices.lowerBound, matrices.count)
      totals[2 * index + 1] = sum(errors + matrices.lowerBound, matrices.count)
    }
  }

  /// The sums of processes that share a stack; nil if they don't.
  var reduction: StepReduction? {
    isShared ? StepReduction(totals, length: 2, .sumOverMatrices) : nil
  }
}

extension Extent {
  /// The number of subtrees, of blocks or of matrices, for which a process needs memory: at least one, for the total.
  var subtreeCapacity: Int {
    isWhole
      ? 1
      : max(
        1, SumTree.subtrees(of: blocks, count: partition.blockCount).count,
        SumTree.subtrees(of: matrices, count: partition.matrixCount).count)
  }
}

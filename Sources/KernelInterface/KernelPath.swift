/// One implementation of every kernel: pure Swift, or OpenBLAS with Swift where BLAS has nothing.
///
/// Both compute the same quantities; each gives the same bits whatever the number of threads.
package protocol KernelPath: LinearAlgebraKernels, AdafactorKernels, AdamWKernels, Sendable {}

/// What a path on BLAS needs of a gradient before BLAS can work on it.
package protocol GradientTileKernels {
  /// tile ← (scale G)², contiguous, in the tile's arithmetic.
  func squares(_ gradient: GradientPiece, into tile: MutableElements)

  /// Moves the partial sums into the totals, `adding` to what these hold, and sets the former to 0 for the next rows.
  func movePartialSums(_ sums: ColumnSums, adding: Bool)
}

/// The path in pure Swift, compiled for some processor.
package typealias SwiftKernelPath = GradientTileKernels & KernelPath

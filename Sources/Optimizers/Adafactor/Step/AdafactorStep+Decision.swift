import KernelInterface

/// Between the phases: what the blocks' sums come to.
extension AdafactorStep {
  /// Pieces of the work that combines the blocks' sums; they may run side by side.
  var combinationCount: Int {
    switch partition.form {
    case .elements, .matrices, .smallMatrices: 0
    case .rows: partition.matrixCount * WorkspaceLayout.chunksPerMatrix(partition)
    case .columns: partition.matrixCount
    }
  }

  /// Completes C for a chunk of columns, or R for a matrix, from the sums of its blocks.
  func combine(_ index: Int, _ kernels: any KernelPath) {
    switch partition.form {
    case .elements, .matrices, .smallMatrices: break
    case .rows: combineColumns(index, kernels)
    case .columns: combineRows(matrix: index, kernels)
    }
  }

  /// New C, 1 / √C and Σ D / C for a chunk of columns.
  private func combineColumns(_ index: Int, _ kernels: any KernelPath) {
    let columns = partition.columns
    let chunks = WorkspaceLayout.chunksPerMatrix(partition)
    let (matrix, chunk) = index.quotientAndRemainder(dividingBy: chunks)
    let start = chunk * WorkspaceLayout.chunkColumns
    let count = min(WorkspaceLayout.chunkColumns, columns - start)
    let first = matrix * columns + start
    let new = workspace.columnMoments!.advanced(by: first)
    let sums = combinedSums(matrix: matrix, length: columns, start: start, count: count)
    workspace.chunkSums![index] = kernels.finishMoments(
      average: average(count: partition.rows), old: moments.columns!.reading.advanced(by: first), new: new,
      sums: sums, weightedSums: sums + columns, count: count)
    kernels.reciprocalRoots(
      new.reading, factor: 1, count: count, into: workspace.columnFactors!.advanced(by: first))
  }

  /// New R, its mean and Σ E / R for a matrix.
  private func combineRows(matrix: Int, _ kernels: any KernelPath) {
    let rows = partition.rows
    let new = workspace.rowMoments!.advanced(by: matrix * rows)
    let sums = combinedSums(matrix: matrix, length: rows, start: 0, count: rows)
    workspace.chunkSums![matrix] = kernels.finishMoments(
      average: average(count: partition.columns), old: moments.rows!.reading.advanced(by: matrix * rows),
      new: new, sums: sums, weightedSums: sums + rows, count: rows)
    workspace.meanRowMoments![matrix] = kernels.sum(new.reading, count: rows) / Double(rows)
  }

  /// Adds the sums of all blocks of a matrix to those of its first, in their order, and returns that one's.
  private func combinedSums(
    matrix: Int, length: Int, start: Int, count: Int
  ) -> UnsafeMutablePointer<Double> {
    let blocks = partition.blocksPerMatrix
    let sums = workspace.partialSums! + matrix * blocks * 2 * length + start
    // A few columns over all blocks, whose numbers lie so far apart that a sweep over each would wait for every one.
    for part in [sums, sums + length] {
      var start = 0
      while start < count {
        let columns = min(8, count - start)
        add(columns, part + start, blocks: blocks, stride: 2 * length)
        start += columns
      }
    }
    return sums
  }

  /// Adds `count` ≤ 8 numbers of every block to those of the first.
  private func add(_ count: Int, _ sums: UnsafeMutablePointer<Double>, blocks: Int, stride: Int) {
    if count == 8 {
      let sums = UnsafeMutableRawPointer(sums)
      var total = sums.loadUnaligned(as: SIMD8<Double>.self)
      for block in 1..<max(1, blocks) {
        total += sums.loadUnaligned(fromByteOffset: 8 * block * stride, as: SIMD8<Double>.self)
      }
      sums.storeBytes(of: total, as: SIMD8<Double>.self)
    } else {
      for block in 1..<max(1, blocks) {
        for index in 0..<count { sums[index] += sums[block * stride + index] }
      }
    }
  }

  /// Step size and clip factor from the sums of all blocks, added in their order.
  mutating func decide() {
    var squares = squaresBefore
    if squares == nil && rule.leastScale != nil {
      squares = sum(workspace.squaresBefore, partition.blockCount)
    }
    var updateSquares = 0.0
    switch partition.form {
    case .elements, .matrices, .smallMatrices:
      updateSquares = sum(workspace.blockSums, partition.blockCount)
    case .rows:
      let (blocks, chunks) = (partition.blocksPerMatrix, WorkspaceLayout.chunksPerMatrix(partition))
      for matrix in 0..<partition.matrixCount {
        let mean = sum(workspace.blockSums + matrix * blocks, blocks) / Double(partition.rows)
        workspace.meanRowMoments![matrix] = mean
        updateSquares += mean * sum(workspace.chunkSums! + matrix * chunks, chunks)
      }
    case .columns:
      for matrix in 0..<partition.matrixCount {
        updateSquares += workspace.meanRowMoments![matrix] * workspace.chunkSums![matrix]
      }
    }
    decision = rule.decide(squares: squares, updateSquares: updateSquares, count: partition.elementCount)
  }

  /// Σ values, in their order.
  func sum(_ values: UnsafeMutablePointer<Double>, _ count: Int) -> Double {
    var total = 0.0
    for index in 0..<count { total += values[index] }
    return total
  }
}

import KernelInterface

/// The first phase: sums over the gradient, block by block. Parameter and state stay as they are.
extension AdafactorStep {
  /// Reads one block.
  func statistics(block index: Int, _ kernels: any KernelPath, _ scratch: ThreadScratch) {
    let block = partition[index]
    if rule.leastScale != nil && squaresBefore == nil {
      workspace.squaresBefore[index] = sumOfSquares(block, kernels)
    }
    switch partition.form {
    case .elements:
      workspace.blockSums[index] = kernels.elementStatistics(
        piece(block), average: average(count: 1),
        moments: moments.elements!.reading.advanced(by: block.columns.lowerBound))
    case .rows:
      workspace.blockSums[index] = rowStatistics(index, block, kernels, scratch)
    case .columns:
      panelStatistics(index, block, kernels, scratch)
    case .matrices:
      var updateSquares = 0.0
      for matrix in block.matrices {
        let new = newMoments(matrix, scratch)
        updateSquares += matrixStatistics(matrix, rows: new.rows, columns: new.columns, kernels, scratch)
      }
      workspace.blockSums[index] = updateSquares
    case .smallMatrices:
      let matrix = block.matrices.lowerBound
      workspace.blockSums[index] = kernels.smallMatrixStatistics(
        batch(block), rowMoments: moments.rows!.reading.advanced(by: matrix * partition.rows),
        columnMoments: moments.columns!.reading.advanced(by: matrix * partition.columns))
    }
  }

  /// New R of the block's rows, and their part of the column sums; returns Σ R.
  private func rowStatistics(
    _ index: Int, _ block: Block, _ kernels: any KernelPath, _ scratch: ThreadScratch
  ) -> Double {
    let columns = partition.columns
    let firstRow = block.matrices.lowerBound * partition.rows + block.rows.lowerBound
    let new = workspace.rowMoments?.advanced(by: firstRow) ?? scratch.rowMoments
    let sums = workspace.partialSums! + index * 2 * columns
    kernels.rowStatistics(
      piece(block), average: average(count: columns), old: moments.rows!.reading.advanced(by: firstRow),
      new: new, sums: scratch.columnSums(total: sums, totalWeighted: sums + columns, count: columns))
    return kernels.sum(new.reading, count: block.rows.count)
  }

  /// New C of the panel's columns, and their part of the row sums.
  private func panelStatistics(
    _ index: Int, _ block: Block, _ kernels: any KernelPath, _ scratch: ThreadScratch
  ) {
    let rows = partition.rows
    let firstColumn = block.matrices.lowerBound * partition.columns + block.columns.lowerBound
    let new = workspace.columnMoments?.advanced(by: firstColumn) ?? scratch.columnMoments
    let sums = workspace.partialSums! + index * 2 * rows
    sums.update(repeating: 0, count: 2 * rows)
    kernels.panelStatistics(
      piece(block), average: average(count: rows),
      old: moments.columns!.reading.advanced(by: firstColumn), new: new, sums: sums, weightedSums: sums + rows
    )
  }

  /// New R and C of a whole matrix, and its mean R; returns Σ u².
  func matrixStatistics(
    _ matrix: Int, rows newRows: MutableElements, columns newColumns: MutableElements,
    _ kernels: any KernelPath,
    _ scratch: ThreadScratch
  ) -> Double {
    let (rows, columns) = (partition.rows, partition.columns)
    let oldRows = moments.rows!.reading.advanced(by: matrix * rows)
    let oldColumns = moments.columns!.reading.advanced(by: matrix * columns)
    let piece = piece(ofMatrix: matrix)
    let quotients: Double
    if partition.isWide {
      scratch.sums.update(repeating: 0, count: rows)
      scratch.weightedSums.update(repeating: 0, count: rows)
      kernels.panelStatistics(
        piece, average: average(count: rows), old: oldColumns, new: newColumns, sums: scratch.sums,
        weightedSums: scratch.weightedSums)
      quotients = kernels.finishMoments(
        average: average(count: columns), old: oldRows, new: newRows, sums: scratch.sums,
        weightedSums: scratch.weightedSums, count: rows)
    } else {
      kernels.rowStatistics(
        piece, average: average(count: columns), old: oldRows, new: newRows,
        sums: scratch.columnSums(
          total: scratch.sums, totalWeighted: scratch.weightedSums, count: columns))
      quotients = kernels.finishMoments(
        average: average(count: rows), old: oldColumns, new: newColumns, sums: scratch.sums,
        weightedSums: scratch.weightedSums, count: columns)
    }
    let mean = kernels.sum(newRows.reading, count: rows) / Double(rows)
    workspace.meanRowMoments![matrix] = mean
    return mean * quotients
  }

  // MARK: Pieces

  /// Where a matrix's new moments are computed: kept for the update, or in scratch.
  func newMoments(_ matrix: Int, _ scratch: ThreadScratch) -> (
    rows: MutableElements, columns: MutableElements
  ) {
    (
      workspace.rowMoments?.advanced(by: matrix * partition.rows) ?? scratch.rowMoments,
      workspace.columnMoments?.advanced(by: matrix * partition.columns) ?? scratch.columnMoments
    )
  }

  /// Elements before the block's first.
  func offset(of block: Block) -> Int {
    block.matrices.lowerBound * partition.matrixElements + block.rows.lowerBound * partition.columns
      + block.columns.lowerBound
  }

  /// The gradient's elements of a block in one matrix.
  func piece(_ block: Block) -> GradientPiece {
    GradientPiece(
      gradient.advanced(by: offset(of: block)), scale: gradientScale, rows: block.rows.count,
      columns: block.columns.count, stride: partition.columns, mayComeFromMemory: mayComeFromMemory)
  }

  /// The gradient's elements of a matrix.
  func piece(ofMatrix matrix: Int) -> GradientPiece {
    GradientPiece(
      gradient.advanced(by: matrix * partition.matrixElements), scale: gradientScale, rows: partition.rows,
      columns: partition.columns, stride: partition.columns, mayComeFromMemory: mayComeFromMemory)
  }

  /// The small matrices of a block.
  func batch(_ block: Block) -> MatrixBatch {
    MatrixBatch(
      gradient.advanced(by: offset(of: block)), scale: gradientScale, count: block.matrices.count,
      rows: partition.rows, columns: partition.columns, average: average(count: 1))
  }

  /// Σ p² of a block, in the order in which its update adds up what it stores: both have the same bits.
  func sumOfSquares(_ block: Block, _ kernels: any KernelPath) -> Double {
    let elements = parameter.reading.advanced(by: offset(of: block))
    if partition.form == .smallMatrices {
      // One run of elements: the rows of small matrices would be mostly padding.
      return kernels.sumOfSquares(
        elements, rows: 1, columns: block.elementCount, stride: block.elementCount)
    }
    var squares = 0.0
    for matrix in 0..<block.matrices.count {
      squares += kernels.sumOfSquares(
        elements.advanced(by: matrix * partition.matrixElements), rows: block.rows.count,
        columns: block.columns.count, stride: partition.columns)
    }
    return squares
  }

  /// The moving average with sums of `count` squares.
  func average(count: Int) -> MomentAverage {
    MomentAverage(decay: average.decay, weight: average.weight, epsilon: average.epsilon, count: count)
  }
}

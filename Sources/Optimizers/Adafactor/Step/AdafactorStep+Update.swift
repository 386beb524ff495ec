import KernelInterface

/// The last phase: parameter and state take their new values, block by block.
extension AdafactorStep {
  /// Writes one block.
  func update(block index: Int, _ kernels: any KernelPath, _ scratch: ThreadScratch) {
    let block = partition[index]
    switch partition.form {
    case .elements:
      let start = block.columns.lowerBound
      workspace.squaresAfter[index] = kernels.updateElements(
        parameter.advanced(by: start), piece(block), average: average(count: 1),
        moments: moments.elements!.advanced(by: start), factor: decision!.factor, change: change(at: start))
    case .rows:
      workspace.squaresAfter[index] = updateRows(block, kernels, scratch)
    case .columns:
      workspace.squaresAfter[index] = updatePanel(block, kernels, scratch)
    case .matrices:
      var squares = 0.0
      for matrix in block.matrices {
        squares += updateMatrix(matrix, kernels, scratch)
      }
      workspace.squaresAfter[index] = squares
    case .smallMatrices:
      let (matrix, start) = (block.matrices.lowerBound, offset(of: block))
      workspace.squaresAfter[index] = kernels.updateSmallMatrices(
        parameter.advanced(by: start), batch(block),
        rowMoments: moments.rows!.advanced(by: matrix * partition.rows),
        columnMoments: moments.columns!.advanced(by: matrix * partition.columns), factor: decision!.factor,
        change: change(at: start))
    }
  }

  private func updateRows(_ block: Block, _ kernels: any KernelPath, _ scratch: ThreadScratch) -> Double {
    let (matrix, rows) = (block.matrices.lowerBound, block.rows.count)
    let firstRow = matrix * partition.rows + block.rows.lowerBound
    let firstColumn = matrix * partition.columns
    let state = moments.rows!.advanced(by: firstRow)
    let piece = piece(block)
    if let kept = workspace.rowMoments {
      commit(kept.advanced(by: firstRow), to: state, count: rows)
    } else {
      kernels.rowMoments(piece, average: average(count: piece.columns), old: state.reading, new: state)
    }
    if block.rows.lowerBound == 0 {
      commit(
        workspace.columnMoments!.advanced(by: firstColumn), to: moments.columns!.advanced(by: firstColumn),
        count: partition.columns)
    }
    kernels.reciprocalRoots(
      state.reading, factor: rowFactor(matrix), count: rows, into: scratch.rowFactors)
    return kernels.updateFactored(
      parameter.advanced(by: offset(of: block)), piece, rowFactors: scratch.rowFactors.reading,
      columnFactors: workspace.columnFactors!.reading.advanced(by: firstColumn),
      change: change(at: offset(of: block)))
  }

  private func updatePanel(_ block: Block, _ kernels: any KernelPath, _ scratch: ThreadScratch) -> Double {
    let (matrix, columns) = (block.matrices.lowerBound, block.columns.count)
    let firstRow = matrix * partition.rows
    let firstColumn = matrix * partition.columns + block.columns.lowerBound
    let state = moments.columns!.advanced(by: firstColumn)
    let newRows = workspace.rowMoments!.advanced(by: firstRow)
    let piece = piece(block)
    if block.columns.lowerBound == 0 {
      commit(newRows, to: moments.rows!.advanced(by: firstRow), count: partition.rows)
    }
    if partition.rows == 1 && workspace.columnMoments == nil {
      // Each column is one element: one sweep makes its new moment and its update.
      return kernels.updateElements(
        parameter.advanced(by: offset(of: block)), piece, average: average(count: 1), moments: state,
        factor: rowFactor(matrix) / newRows.reading.first.squareRoot(), change: change(at: offset(of: block)))
    }
    if let kept = workspace.columnMoments {
      commit(kept.advanced(by: firstColumn), to: state, count: columns)
    } else {
      kernels.columnMoments(piece, average: average(count: piece.rows), old: state.reading, new: state)
    }
    kernels.reciprocalRoots(state.reading, factor: 1, count: columns, into: scratch.columnFactors)
    kernels.reciprocalRoots(
      newRows.reading, factor: rowFactor(matrix), count: partition.rows, into: scratch.rowFactors)
    return kernels.updateFactored(
      parameter.advanced(by: offset(of: block)), piece, rowFactors: scratch.rowFactors.reading,
      columnFactors: scratch.columnFactors.reading, change: change(at: offset(of: block)))
  }

  private func updateMatrix(_ matrix: Int, _ kernels: any KernelPath, _ scratch: ThreadScratch) -> Double {
    let (rows, columns) = (partition.rows, partition.columns)
    let start = matrix * partition.matrixElements
    let new = newMoments(matrix, scratch)
    if workspace.rowMoments == nil {
      _ = matrixStatistics(matrix, rows: new.rows, columns: new.columns, kernels, scratch)
    }
    commit(new.rows, to: moments.rows!.advanced(by: matrix * rows), count: rows)
    commit(new.columns, to: moments.columns!.advanced(by: matrix * columns), count: columns)
    kernels.reciprocalRoots(
      new.rows.reading, factor: rowFactor(matrix), count: rows, into: scratch.rowFactors)
    kernels.reciprocalRoots(new.columns.reading, factor: 1, count: columns, into: scratch.columnFactors)
    return kernels.updateFactored(
      parameter.advanced(by: start),
      piece(ofMatrix: matrix),
      rowFactors: scratch.rowFactors.reading, columnFactors: scratch.columnFactors.reading,
      change: change(at: start))
  }

  /// What a row's 1 / √R is multiplied by: α / max(1, RMS(U)/d) · √mean R.
  private func rowFactor(_ matrix: Int) -> Double {
    decision!.factor * workspace.meanRowMoments![matrix].squareRoot()
  }

  /// How the update enters the elements from `start` on.
  private func change(at start: Int) -> ParameterChange {
    ParameterChange(
      shrinkage: rule.weightDecay * decision!.stepSize,
      momentum: moments.updates.map { ($0, rule.beta1 ?? 0) }, rounding: rounding
    ).advanced(by: start)
  }

  /// Copies new moments into the state.
  private func commit(_ new: MutableElements, to state: MutableElements, count: Int) {
    state.address.copyMemory(from: new.address, byteCount: count * arithmeticBytes)
  }
}

extension Elements {
  /// The first element, of a type that steps compute in.
  fileprivate var first: Double {
    type == .float64 ? address.load(as: Double.self) : Double(address.load(as: Float.self))
  }
}

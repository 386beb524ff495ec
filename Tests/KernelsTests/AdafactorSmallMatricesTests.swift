import KernelInterface
import Tensors
import TestSupport
import Testing

/// Compares every implementation of Adafactor's kernels on small matrices with Double.
@Suite struct AdafactorSmallMatricesTests {
  /// Numbers of matrices around the eight that are processed at a time, or the 32 of 3 × 3, with one element
  /// up to the maximum of a small matrix.
  static let batches: [(count: Int, rows: Int, columns: Int)] =
    [1, 7, 8, 9, 16, 23].map { ($0, 3, 2) } + [1, 2, 31, 32, 33, 97].map { ($0, 3, 3) }
    + [
      (0, 3, 3), (9, 1, 1), (600, 1, 1), (8, 1, 3), (9, 3, 1), (11, 5, 7), (3, 7, 5), (9, 2, 64), (9, 64, 2),
      (5, 1, 128),
      (10, 128, 1), (1, 11, 11),
    ]

  /// The columns of a case are the index of its batch.
  static let cases = AdafactorKernelCase.cases(
    batches.indices.map { (1, $0) }, of: [\.smallMatrixStatistics, \.updateSmallMatrices])

  @Test(arguments: [1, 9, 600], AdafactorUpdateTests.changes)
  func `Matrices of one element may share their moments`(
    count: Int, change: (shrinkage: Double, beta1: Double?)
  ) {
    let kernels = Backend.swift.kernels.adafactor[.float32, .float32]
    func results(shared: Bool) -> [[Double]] {
      var numbers = TestNumbers(seed: count)
      let values: [Double] = numbers.spread(count: count)
      let (gradient, parameter) = (TestElements(values.reversed(), .float32), TestElements(values, .float32))
      let momentum = TestElements(values, .float32)
      func moments() -> TestElements { TestElements(values.map { $0.magnitude + 0.0625 }, .float32) }
      let columnMoments = moments()
      let rowMoments = shared ? columnMoments : moments()
      let batch = MatrixBatch(
        gradient.reading, scale: 0.3, count: count, rows: 1, columns: 1,
        average: MomentAverage(decay: 0.78, weight: 0.22, epsilon: 1e-3, count: 1))
      _ = kernels.updateSmallMatrices(
        parameter.writing, batch, rowMoments.writing, columnMoments.writing, 0.7,
        ParameterChange(
          shrinkage: change.shrinkage, momentum: change.beta1.map { (momentum.writing, $0) }))
      #expect(gradient.isUnchanged && parameter.marginsAreIntact && rowMoments.marginsAreIntact)
      return [parameter.values, momentum.values, rowMoments.values, columnMoments.values]
    }
    #expect(results(shared: true) == results(shared: false))
  }

  @Test(arguments: cases)
  func `Statistics and update follow the formulas`(_ each: AdafactorKernelCase) {
    let (count, rows, columns) = Self.batches[each.columns]
    let size = rows * columns
    var numbers = TestNumbers(seed: each.seed)
    let gradient = (0..<count * size).map { _ in each.gradient.rounded(numbers.spread(Double.self)) }
    let before = (0..<count * size).map { _ in each.arithmetic.rounded(numbers.spread(Double.self)) }
    let average = each.average(count: 1)
    let (oldRows, oldColumns) = (
      each.positives(count * rows, seed: 1), each.positives(count * columns, seed: 2)
    )

    // The rule, matrix by matrix.
    var (newRows, newColumns, updates): ([Double], [Double], [Double]) = ([], [], [])
    for matrix in 0..<count {
      let oracle = AdafactorKernelOracle(
        rows: rows, columns: columns, gradient: Array(gradient[matrix * size..<(matrix + 1) * size]),
        scale: each.scale)
      let r = AdafactorKernelOracle.moments(
        each.average(count: columns), old: Array(oldRows[matrix * rows..<(matrix + 1) * rows]),
        sums: oracle.rowSums())
      let c = AdafactorKernelOracle.moments(
        each.average(count: rows), old: Array(oldColumns[matrix * columns..<(matrix + 1) * columns]),
        sums: oracle.columnSums())
      let mean = r.reduce(0, +) / Double(rows)
      for index in 0..<size {
        let (row, column) = index.quotientAndRemainder(dividingBy: columns)
        updates.append(oracle.gradient[index] / (r[row] / mean * c[column]).squareRoot())
      }
      newRows += r
      newColumns += c
    }

    let source = TestElements(gradient, each.gradient, byteOffset: each.byteOffset)
    let batch = MatrixBatch(
      source.reading, scale: each.scale, count: count, rows: rows, columns: columns, average: average)
    let kernels = each.kernels
    let (rowMoments, columnMoments) = (each.numbers(oldRows), each.numbers(oldColumns))
    let unit = each.arithmetic.roundoff
    // Sums over a row, a column and the matrix, and the few roundings of a moment and a factor.
    let relative = Double(rows + columns + 40) * unit

    let squares = kernels.smallMatrixStatistics(batch, rowMoments.reading, columnMoments.reading)
    let expected = updates.reduce(0) { $0 + $1 * $1 }
    #expect((squares - expected).magnitude <= (2 * relative + Double(size) * unit) * expected)
    #expect(rowMoments.isUnchanged && columnMoments.isUnchanged && source.isUnchanged)

    for (shrinkage, beta1) in AdafactorUpdateTests.changes {
      let (r, c) = (each.numbers(oldRows), each.numbers(oldColumns))
      let parameter = TestElements(before, each.arithmetic, byteOffset: each.byteOffset)
      let momentum = each.numbers(before.reversed())
      let factor = 0.7
      let squaresAfter = kernels.updateSmallMatrices(
        parameter.writing, batch, r.writing, c.writing, factor,
        ParameterChange(shrinkage: shrinkage, momentum: beta1.map { (momentum.writing, $0) }))
      let ends = before.indices.map { index in
        AdafactorKernelOracle.change(
          before[index], update: factor * updates[index], shrinkage: shrinkage,
          momentum: beta1.map { (before[before.count - 1 - index], $0) })
      }
      expectAgreement("P", parameter.values, ends.map(\.value)) { relative * ends[$0].magnitude }
      if beta1 == nil {
        #expect(momentum.isUnchanged)
      } else {
        expectAgreement("M", momentum.values, ends.map(\.moment)) { relative * ends[$0].magnitude }
      }
      let length = count * size
      #expect(
        squaresAfter == kernels.sumOfSquares(parameter.reading, 1, length, length))
      expectAgreement("R", r.values, newRows) { relative * newRows[$0] }
      expectAgreement("C", c.values, newColumns) { relative * newColumns[$0] }
      #expect(parameter.marginsAreIntact && momentum.marginsAreIntact)
      #expect(r.marginsAreIntact && c.marginsAreIntact && source.isUnchanged)
    }
  }
}

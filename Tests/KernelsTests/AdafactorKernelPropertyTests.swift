import KernelInterface
import Tensors
import Testing

@Suite("What every kernel of Adafactor promises, on every path")
struct AdafactorKernelPropertyTests {
  /// The bits that all kernels produce for one gradient and parameter at these addresses.
  private func results(
    _ path: Backend, rows: Int, columns: Int, byteOffset: Int, elementOffset: Int,
    poison: (Int, Double)? = nil, shrinkage: Double = 0.125, mayComeFromMemory: Bool = false
  ) -> [String: [Double]] {
    var numbers = TestNumbers(seed: rows + columns)
    var gradient = (0..<rows * columns).map { _ in Double(numbers.next(Float.self)) }
    if let (index, value) = poison { gradient[index] = value }
    let parameter = (0..<rows * columns).map { _ in Double(numbers.next(Float.self)) }
    let ones = [Double](repeating: 1, count: max(rows, columns))
    func matrix(_ values: [Double]) -> TestElements {
      TestElements(values, .float32, rows: rows, columns: columns, byteOffset: byteOffset)
    }
    func vector(_ count: Int) -> TestElements {
      TestElements(Array(ones[..<count]), .float32, byteOffset: 4 * elementOffset)
    }
    let kernels = path.kernels
    let average = MomentAverage(decay: 0.5, weight: 0.5, epsilon: 1e-30, count: columns)
    let g = matrix(gradient)
    var piece = g.piece(scale: 0.3)
    piece.mayComeFromMemory = mayComeFromMemory
    let (newRows, newColumns, oldRows, oldColumns) = (
      vector(rows), vector(columns), vector(rows), vector(columns)
    )
    let zeros = [Double](repeating: 0, count: columns)
    let (partial, partialWeighted) = (TestElements(zeros, .float32), TestElements(zeros, .float32))
    var (columnSums, weightedColumnSums) = (zeros, zeros)
    var (rowSums, weightedRowSums) = ([0.0], [0.0])
    rowSums = .init(repeating: 0, count: rows)
    weightedRowSums = rowSums
    columnSums.withUnsafeMutableBufferPointer { total in
      weightedColumnSums.withUnsafeMutableBufferPointer { totalWeighted in
        kernels.rowStatistics(
          piece, average: average, old: oldRows.reading, new: newRows.writing,
          sums: ColumnSums(
            partial: partial.writing, partialWeighted: partialWeighted.writing, total: total.baseAddress!,
            totalWeighted: totalWeighted.baseAddress!, count: columns))
      }
    }
    kernels.panelStatistics(
      piece, average: average, old: oldColumns.reading, new: newColumns.writing, sums: &rowSums,
      weightedSums: &weightedRowSums)
    let updated = matrix(parameter)
    let squares = kernels.updateFactored(
      updated.writing, piece, rowFactors: newRows.reading, columnFactors: newColumns.reading,
      change: ParameterChange(shrinkage: shrinkage))
    let row = TestElements(Array(gradient[..<columns]), .float32, byteOffset: byteOffset)
    let moments = vector(columns)
    let stepped = TestElements(Array(parameter[..<columns]), .float32, byteOffset: byteOffset)
    let statistics = kernels.elementStatistics(
      row.piece(scale: 0.3), average: average, moments: moments.reading)
    let elementSquares = kernels.updateElements(
      stepped.writing, row.piece(scale: 0.3), average: average, moments: moments.writing, factor: 0.5,
      change: ParameterChange(shrinkage: 0))
    #expect(g.isUnchanged && row.isUnchanged && oldRows.isUnchanged && oldColumns.isUnchanged)
    return [
      "rowMoments": newRows.values, "columnMoments": newColumns.values, "columnSums": columnSums,
      "weightedColumnSums": weightedColumnSums, "rowSums": rowSums, "weightedRowSums": weightedRowSums,
      "updateFactored": updated.values, "squares": [squares], "elementStatistics": [statistics],
      "moments": moments.values, "updateElements": stepped.values, "elementSquares": [elementSquares],
    ]
  }

  @Test(arguments: Backend.available, [(3, 67), (61, 129)])
  func `results have the same bits at any address`(path: Backend, shape: (Int, Int)) {
    let aligned = results(path, rows: shape.0, columns: shape.1, byteOffset: 0, elementOffset: 0)
    for (byteOffset, elementOffset) in [(4, 1), (8, 3), (1, 0), (2, 5), (3, 1), (60, 15)] {
      let moved = results(
        path, rows: shape.0, columns: shape.1, byteOffset: byteOffset, elementOffset: elementOffset)
      for (name, values) in aligned { #expect(moved[name] == values, "\(name) at \(byteOffset) bytes") }
    }
  }

  @Test(arguments: Backend.available, [(3, 67), (61, 129), (64, 520), (23, 768)])
  func `asking early for what comes from memory changes no bit`(path: Backend, shape: (Int, Int)) {
    for shrinkage in [0, 0.125] {
      let (near, far) = (
        results(
          path, rows: shape.0, columns: shape.1, byteOffset: 0, elementOffset: 0, shrinkage: shrinkage),
        results(
          path, rows: shape.0, columns: shape.1, byteOffset: 0, elementOffset: 0, shrinkage: shrinkage,
          mayComeFromMemory: true)
      )
      for (name, values) in near { #expect(far[name] == values, "\(name)") }
    }
  }

  /// Positions in a 5 × 71 matrix: in whole vectors and in what is left of a row.
  @Test(arguments: Backend.available, [(0, 0), (0, 70), (2, 33), (4, 64), (4, 70)])
  func `one NaN reaches everything that depends on it, and nothing else`(
    path: Backend, place: (row: Int, column: Int)
  ) {
    for poison in [Double.nan, .infinity, -.infinity] {
      let index = place.row * 71 + place.column
      let found = results(
        path, rows: 5, columns: 71, byteOffset: 0, elementOffset: 0, poison: (index, poison))
      func places(_ name: String) -> [Int] {
        let values = found[name]!
        return values.indices.filter { !values[$0].isFinite }
      }
      #expect(places("rowMoments") == [place.row])
      #expect(places("columnMoments") == [place.column])
      #expect(places("columnSums") == [place.column])
      #expect(places("rowSums") == [place.row])
      // ∞ / ∞ and ∞ · 0 are NaN.
      #expect(found["weightedColumnSums"]![place.column].isNaN)
      #expect(found["weightedRowSums"]![place.row].isNaN)
      // Factors of its row and column are not finite either.
      #expect(
        places("updateFactored")
          == (0..<5 * 71).filter { $0 / 71 == place.row || $0 % 71 == place.column })
      #expect(!found["squares"]![0].isFinite)
      let isInRow = place.row == 0
      #expect(found["elementStatistics"]![0].isNaN == isInRow)
      #expect(places("moments") == (isInRow ? [place.column] : []))
      #expect(places("updateElements") == (isInRow ? [place.column] : []))
      #expect(found["elementSquares"]![0].isFinite == !isInRow)
    }
  }

  @Test(arguments: Backend.available)
  func `a NaN in parameter or momentum stays where it is`(path: Backend) {
    for (rowFactor, beta1) in [(0.0, nil), (0.5, nil), (0.0, 0.0), (0.5, 0.9)] as [(Double, Double?)] {
      let columns = 19
      let gradient = TestElements([Double](repeating: 0.25, count: columns), .float32)
      var values = [Double](repeating: 1, count: columns)
      values[17] = .nan
      let (parameter, moments) = (TestElements(values, .float32), TestElements(values, .float32))
      let rowFactors = TestElements([rowFactor], .float32)
      let columnFactors = TestElements([Double](repeating: 1, count: columns), .float32)
      let squares = path.kernels.updateFactored(
        parameter.writing, gradient.piece(scale: 1), rowFactors: rowFactors.reading,
        columnFactors: columnFactors.reading,
        change: ParameterChange(shrinkage: 0, momentum: beta1.map { (moments.writing, $0) }))
      #expect(squares.isNaN)
      for found in [parameter.values, moments.values] {
        #expect(found.indices.filter { found[$0].isNaN } == [17])
      }
      #expect(gradient.isUnchanged && rowFactors.isUnchanged && columnFactors.isUnchanged)
    }
  }

  @Test
  func `a kernel refuses types that no table has`() async {
    await #expect(processExitsWith: .failure) {
      let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
      let gradient = GradientPiece(Elements(memory, .float32), scale: 1, rows: 1, columns: 1, stride: 1)
      // Moments in bfloat16: no arithmetic is done in it.
      _ = Backend.swift.kernels.elementStatistics(
        gradient, average: MomentAverage(decay: 0, weight: 1, epsilon: 0, count: 1),
        moments: Elements(memory, .bfloat16))
    }
  }
}

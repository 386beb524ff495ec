import KernelInterface
import Tensors
import TestSupport
import Testing

/// Tests that the Swift kernels compiled for AVX2 and the baseline give the same bits for the same input.
///
/// The other tests of kernels run only on the copy for AVX2 if the processor supports it.
@Suite(.comparingKernelCopies) struct KernelCopiesTests {
  /// The bits of results, by name.
  private typealias Results = [(name: String, bits: [UInt8])]

  private func expectSameBits(_ results: (KernelTable) -> Results) {
    let (here, baseline) = (results(SwiftKernelChoice.kernels), results(SwiftKernelChoice.baseline))
    #expect(!here.isEmpty && here.map(\.name) == baseline.map(\.name))
    let different = zip(here, baseline).filter { $0.bits != $1.bits }.map(\.0.name)
    #expect(different == [])
  }

  private static func bits(_ values: [Double]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

  // MARK: Adafactor

  /// Rows in groups of four and a remainder, narrow rows, rows in rotated chunks, panels of one row and of
  /// several groups.
  private static let pieces: [(rows: Int, columns: Int, gap: Int)] = [
    (1, 1030, 0), (13, 31, 1), (67, 9, 0), (130, 5, 0), (11, 16, 3), (23, 768, 0), (0, 5, 0),
  ]

  @Test(arguments: ScalarType.allCases, ScalarType.allCases)
  func `Both copies give the same statistics of Adafactor`(parameter: ScalarType, gradient: ScalarType) {
    for (shape, isExact) in Self.pieces.flatMap({ [($0, false), ($0, true)] }) {
      expectSameBits { table in
        let kernels = (isExact ? table.exactAdafactor : table.adafactor)[parameter, gradient]
        let subject = UpdateSubject(parameter, gradient, shape)
        let (piece, average) = (subject.piece, subject.average)
        let (rows, columns) = (shape.rows, shape.columns)
        let moments = (0..<5).map { subject.moments(max(rows, columns), seed: $0) }
        let (partial, partialWeighted) = (subject.zeros(columns), subject.zeros(columns))
        var (totals, weightedTotals) = (
          [Double](repeating: 1, count: columns), [Double](repeating: 2, count: columns)
        )
        var (sums, weightedSums) = ([Double](repeating: 3, count: rows), [Double](repeating: 4, count: rows))
        withColumnSums((partial, partialWeighted), into: &totals, &weightedTotals) {
          kernels.rowStatistics(piece, average, moments[0].reading, moments[1].writing, $0)
        }
        let inverses = kernels.panelStatistics(
          piece, average, moments[0].reading, moments[2].writing, &sums, &weightedSums)
        kernels.rowMoments(piece, average, moments[0].reading, moments[3].writing)
        kernels.columnMoments(piece, average, moments[0].reading, moments[4].writing)
        let finished = subject.moments(columns, seed: 5)
        let numbers = [
          inverses,
          kernels.finishMoments(
            average, finished.reading, finished.writing, totals, weightedTotals, columns),
          kernels.sum(moments[0].reading, columns), kernels.inverseSum(moments[0].reading, columns),
          kernels.sumOfSquares(subject.parameter.reading, rows, columns, subject.parameter.stride),
          rows == 1 ? kernels.elementStatistics(piece, average, moments[0].reading) : 0,
        ]
        let tile = subject.zeros(rows * columns)
        kernels.squares(piece, tile.writing)
        let roots = subject.zeros(columns)
        kernels.reciprocalRoots(moments[0].reading, 0.7, columns, roots.writing)
        return moments.enumerated().map { ("moments \($0)", $1.bytes) } + [
          ("finished", finished.bytes), ("tile", tile.bytes), ("roots", roots.bytes),
          ("sums", Self.bits(totals + weightedTotals + sums + weightedSums + numbers)),
        ]
      }
    }
  }

  @Test(arguments: ScalarType.allCases, ScalarType.allCases)
  func `Both copies give the same updates of Adafactor`(parameter: ScalarType, gradient: ScalarType) {
    for shape in Self.pieces {
      for change in UpdateKind.all(of: parameter) {
        expectSameBits { table in
          let kernels = table.adafactor[parameter, gradient]
          let factored = UpdateSubject(parameter, gradient, shape, change)
          let (rowFactors, columnFactors) = (
            factored.moments(shape.rows, seed: 6), factored.moments(shape.columns, seed: 7)
          )
          var sums = [
            kernels.updateFactored(
              factored.parameter.writing, factored.piece, rowFactors.reading, columnFactors.reading,
              factored.change)
          ]
          var results = factored.results("factored")
          if shape.rows == 1 {
            let elements = UpdateSubject(parameter, gradient, shape, change)
            let moments = elements.moments(shape.columns, seed: 8)
            sums.append(
              kernels.updateElements(
                elements.parameter.writing, elements.piece, elements.average, moments.writing, 0.7,
                elements.change))
            results += elements.results("elements") + [("element moments", moments.bytes)]
          }
          return results + [("sums", Self.bits(sums))]
        }
      }
    }
  }

  @Test(arguments: ScalarType.allCases, ScalarType.allCases)
  func `Both copies give the same steps of Adafactor on small matrices`(
    parameter: ScalarType, gradient: ScalarType
  ) {
    for (count, rows, columns) in [(37, 3, 3), (11, 5, 7), (23, 3, 2), (600, 1, 1)] {
      for change in UpdateKind.all(of: parameter) {
        expectSameBits { table in
          let kernels = table.adafactor[parameter, gradient]
          let subject = UpdateSubject(parameter, gradient, (1, count * rows * columns, 0), change)
          let batch = MatrixBatch(
            subject.piece.elements, scale: 1.0 / 3, count: count, rows: rows, columns: columns,
            average: subject.average)
          let (r, c) = (subject.moments(count * rows, seed: 9), subject.moments(count * columns, seed: 10))
          let sums = [
            kernels.smallMatrixStatistics(batch, r.reading, c.reading),
            kernels.updateSmallMatrices(
              subject.parameter.writing, batch, r.writing, c.writing, 0.7, subject.change),
          ]
          return subject.results("parameter") + [("R", r.bytes), ("C", c.bytes), ("sums", Self.bits(sums))]
        }
      }
    }
  }

  // MARK: AdamW

  @Test(arguments: ScalarType.allCases, ScalarType.allCases)
  func `Both copies give the same updates of AdamW`(parameter: ScalarType, gradient: ScalarType) {
    for (columns, keepsMaximum) in [(1, false), (37, true), (2053, false), (2053, true)] {
      for change in UpdateKind.all(of: parameter) {
        expectSameBits { table in
          let kernels = table.adamW[parameter, gradient]
          let subject = UpdateSubject(parameter, gradient, (1, columns, 0), change)
          let moments = (0..<3).map { subject.moments(columns, seed: $0) }
          let isFinite = kernels.update(
            subject.parameter.writing, subject.piece,
            AdamWMoments(
              first: moments[0].writing, second: moments[1].writing,
              maximum: keepsMaximum ? moments[2].writing : nil),
            AdamWFactors(beta1: 0.9, beta2: 0.999, factor: 0.01, epsilon: 1e-8), subject.change)
          let areFinite = kernels.squaresAreFinite(subject.piece)
          return subject.results("parameter") + moments.enumerated().map { ("moments \($0)", $1.bytes) }
            + [("squares are finite", [areFinite ? 1 : 0]), ("update is finite", [isFinite ? 1 : 0])]
        }
      }
    }
  }

  // MARK: Linear algebra

  @Test(arguments: [(0, 5), (1, 1), (3, 1031), (1031, 3), (65, 33)])
  func `Both copies give the same results in linear algebra`(rows: Int, columns: Int) {
    expectSameBits { linearAlgebra($0.float32, rows, columns) }
    expectSameBits { linearAlgebra($0.float64, rows, columns) }
  }

  private func linearAlgebra<T: ArithmeticScalar>(
    _ kernels: LinearAlgebraKernels<T>, _ rows: Int, _ columns: Int
  ) -> Results {
    let count = rows * columns
    var numbers = TestNumbers(seed: count)
    let (x, y): ([T], [T]) = (numbers.spread(count: count + 1), numbers.spread(count: count + 1))
    var results: Results = [("sum and dot", Self.bits([kernels.sum(x, count), kernels.dot(x, y, count)]))]
    func add(_ name: String, from start: [T], _ body: (UnsafeMutablePointer<T>) -> Void) {
      var values = start
      values.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
      results.append((name, values.withUnsafeBytes { Array($0) }))
    }
    let zeros = [T](repeating: 0, count: max(count, rows, columns, rows * rows, columns * columns) + 1)
    for terms in [SummedTerms.elements, .squares] {
      add("row sums", from: zeros) { kernels.rowSums(terms, x, rows, columns, $0) }
      add("column sums", from: zeros) { kernels.columnSums(terms, x, rows, columns, $0) }
    }
    add("scale", from: y) { kernels.scale($0, count, 0.3) }
    add("axpy", from: y) { kernels.axpy(0.3, x, count, $0) }
    add("moving average", from: y) { kernels.movingAverage($0, count, 0.7, 0.3, x) }
    if columns < 100 {
      add("AᵀB", from: zeros) {
        kernels.matmul(
          ProductShape(rows: columns, columns: columns, inner: rows, transposesA: true), 0.3, x, y, 0.5, $0)
      }
    }
    if rows < 100 {
      add("ABᵀ", from: zeros) {
        kernels.matmul(
          ProductShape(rows: rows, columns: rows, inner: columns, transposesB: true), 1, x, y, 0, $0)
      }
    }
    if min(rows, columns) > 0 && max(rows, columns) < 100 {
      add("AᵀA", from: zeros) {
        kernels.symmetricProduct(
          ProductShape(symmetric: columns, inner: rows, transposed: true), 0.3, x, 0.5, $0)
      }
      add("rotations", from: y) { y in
        let rotations = (0..<rows).map {
          PlaneRotation<T>(first: $0, second: ($0 + 1) % max(2, rows), cosine: 0.6, sine: 0.8)
        }.filter { $0.second < rows }
        rotations.withUnsafeBufferPointer { kernels.rotateRows(y, rows, columns, $0) }
      }
    }
    for operation in [ElementwiseOperation.add, .subtract, .multiply, .divide] {
      add("\(operation)", from: zeros) { kernels.combine(operation, x, y, count, $0) }
      add("\(operation) with scalar", from: zeros) { kernels.combineWithScalar(operation, x, 0.3, count, $0) }
      add("scalar \(operation)", from: zeros) { kernels.combineScalarWith(operation, 0.3, y, count, $0) }
    }
    add("relu", from: zeros) { kernels.apply(.relu, x, count, $0) }
    add("exp", from: zeros) { kernels.apply(.exp, x, count, $0) }
    add("mask", from: zeros) { kernels.mask(x, y, count, $0) }
    add("log-softmax", from: zeros) { kernels.logSoftmax(x, rows, columns, $0) }
    return results
  }

  // MARK: Conversion

  /// Floats of every kind, including every kind of NaN.
  private static let floats = stride(from: 0, through: UInt32.max, by: 65_521).map {
    Float(bitPattern: UInt32($0))
  }

  @Test(arguments: ScalarType.allCases)
  func `Both copies convert every type in the same way`(type: ScalarType) {
    let (floats, doubles) = (Self.floats, Self.floats.map { 1.000_000_01 * Double($0) })
    let bytes = (0..<floats.count * type.byteCount).map { UInt8(truncatingIfNeeded: $0 * 167 + $0 >> 8) }
    expectSameBits { table in
      let conversion = table.conversion
      var (toFloat, toDouble) = (floats, doubles)
      var (fromFloat, fromDouble) = (bytes, bytes)
      bytes.withUnsafeBytes {
        conversion.readFloat(Elements($0.baseAddress!, type), floats.count, &toFloat)
        conversion.readDouble(Elements($0.baseAddress!, type), floats.count, &toDouble)
      }
      fromFloat.withUnsafeMutableBytes {
        conversion.writeFloat(floats, floats.count, MutableElements($0.baseAddress!, type))
      }
      fromDouble.withUnsafeMutableBytes {
        conversion.writeDouble(doubles, doubles.count, MutableElements($0.baseAddress!, type))
      }
      return [
        ("to Float", toFloat.withUnsafeBytes { Array($0) }),
        ("to Double", toDouble.withUnsafeBytes { Array($0) }),
        ("from Float", fromFloat), ("from Double", fromDouble),
      ]
    }
  }

  @Test(arguments: [ScalarType.bfloat16, .float16])
  func `Both copies round 16-bit parameters in the same way`(type: ScalarType) {
    let floats = Self.floats
    expectSameBits { table in
      var results: Results = []
      for change in UpdateKind.all(of: type) {
        let subject = UpdateSubject(type, type, (1, floats.count, 0), change)
        let rounding = subject.change.rounding
        var values = floats
        table.conversion.unround(subject.parameter.reading, rounding, floats.count, &values)
        table.conversion.round(floats, rounding, floats.count, subject.parameter.writing)
        results += subject.results("rounded") + [("unrounded", values.withUnsafeBytes { Array($0) })]
      }
      return results
    }
  }
}

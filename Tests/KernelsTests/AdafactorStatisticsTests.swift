import KernelInterface
import Tensors
import Testing

@Suite("The statistics of Adafactor, every kernel on every path against Double")
struct AdafactorStatisticsTests {
  typealias Case = AdafactorKernelCase
  typealias Bound = AdafactorKernelBound

  @Test(arguments: Case.pieces)
  func `row moments average the mean squares of rows`(_ each: Case) {
    let (gradient, oracle) = each.makeGradient()
    let average = each.average(count: each.columns)
    let old = each.positives(each.rows, seed: 1)
    let expected = AdafactorKernelOracle.moments(average, old: old, sums: oracle.rowSums())
    let (source, apart, inPlace) = (each.numbers(old), each.unwritten(each.rows), each.numbers(old))
    let kernels = each.path.kernels
    kernels.rowMoments(
      gradient.piece(scale: each.scale), average: average, old: source.reading, new: apart.writing)
    kernels.rowMoments(
      gradient.piece(scale: each.scale), average: average, old: inPlace.reading, new: inPlace.writing)
    expectAgreement("R", apart.values, expected) {
      Bound.moment(each.columns) * each.arithmetic.roundoff * expected[$0]
    }
    #expect(inPlace.values == apart.values && source.isUnchanged && gradient.isUnchanged)
    #expect(apart.marginsAreIntact && inPlace.marginsAreIntact)
  }

  @Test(arguments: Case.panels)
  func `column moments average the mean squares of columns`(_ each: Case) {
    let (gradient, oracle) = each.makeGradient()
    let average = each.average(count: each.rows)
    let old = each.positives(each.columns, seed: 2)
    let expected = AdafactorKernelOracle.moments(average, old: old, sums: oracle.columnSums())
    let (source, apart, inPlace) = (each.numbers(old), each.unwritten(each.columns), each.numbers(old))
    let kernels = each.path.kernels
    kernels.columnMoments(
      gradient.piece(scale: each.scale), average: average, old: source.reading, new: apart.writing)
    kernels.columnMoments(
      gradient.piece(scale: each.scale), average: average, old: inPlace.reading, new: inPlace.writing)
    expectAgreement("C", apart.values, expected) {
      Bound.moment(each.rows) * each.arithmetic.roundoff * expected[$0]
    }
    #expect(inPlace.values == apart.values && source.isUnchanged && gradient.isUnchanged)
    #expect(apart.marginsAreIntact && inPlace.marginsAreIntact)
  }

  @Test(arguments: Case.panels)
  func `columns add up squares, plain and divided by new row moments`(_ each: Case) {
    let (gradient, oracle) = each.makeGradient()
    let average = each.average(count: each.columns)
    let old = each.numbers(each.positives(each.rows, seed: 3))
    let (new, alone) = (each.unwritten(each.rows), each.unwritten(each.rows))
    // Whatever they hold is written over.
    var (totals, weightedTotals) = (
      each.positives(each.columns, seed: 4), each.positives(each.columns, seed: 5)
    )
    let zeros = [Double](repeating: 0, count: each.columns)
    let (partial, partialWeighted) = (each.numbers(zeros), each.numbers(zeros))
    let piece = gradient.piece(scale: each.scale)
    totals.withUnsafeMutableBufferPointer { totals in
      weightedTotals.withUnsafeMutableBufferPointer { weightedTotals in
        // A pointer to an empty array is valid, and nothing is written to it.
        guard let total = totals.baseAddress, let totalWeighted = weightedTotals.baseAddress else { return }
        each.path.kernels.rowStatistics(
          piece, average: average, old: old.reading, new: new.writing,
          sums: ColumnSums(
            partial: partial.writing, partialWeighted: partialWeighted.writing, total: total,
            totalWeighted: totalWeighted, count: each.columns))
      }
    }
    each.path.kernels.rowMoments(piece, average: average, old: old.reading, new: alone.writing)
    #expect(new.values == alone.values)
    let expected = (oracle.columnSums(), oracle.columnSums { 1 / new.values[$0] })
    let relative = Bound.sum(each.rows + 1) * each.arithmetic.roundoff
    expectAgreement("sums", totals, expected.0) { relative * expected.0[$0] }
    expectAgreement("weighted", weightedTotals, expected.1) { relative * expected.1[$0] }
    for sums in [partial, partialWeighted] {
      #expect(sums.values.allSatisfy { $0 == 0 } && sums.marginsAreIntact)
    }
    #expect(old.isUnchanged && new.marginsAreIntact && gradient.isUnchanged)
  }

  @Test(arguments: Case.panels)
  func `rows add up squares, plain and divided by new column moments`(_ each: Case) {
    let (gradient, oracle) = each.makeGradient()
    let average = each.average(count: each.rows)
    let old = each.numbers(each.positives(each.columns, seed: 6))
    let (new, alone) = (each.unwritten(each.columns), each.unwritten(each.columns))
    let (before, weightedBefore) = (each.positives(each.rows, seed: 7), each.positives(each.rows, seed: 8))
    var (sums, weightedSums) = (before, weightedBefore)
    let piece = gradient.piece(scale: each.scale)
    // A pointer to an empty array is valid, and nothing is written to it.
    each.path.kernels.panelStatistics(
      piece, average: average, old: old.reading, new: new.writing, sums: &sums, weightedSums: &weightedSums)
    each.path.kernels.columnMoments(piece, average: average, old: old.reading, new: alone.writing)
    #expect(new.values == alone.values)
    let added = (oracle.rowSums(), oracle.rowSums { 1 / new.values[$0] })
    let relative = Bound.sum(each.columns) * each.arithmetic.roundoff
    expectAgreement("sums", sums, zip(before, added.0).map { $0 + $1 }) {
      relative * added.0[$0] + 4 * Double.roundoff * before[$0]
    }
    expectAgreement("weighted", weightedSums, zip(weightedBefore, added.1).map { $0 + $1 }) {
      relative * added.1[$0] + 4 * Double.roundoff * weightedBefore[$0]
    }
    #expect(old.isUnchanged && new.marginsAreIntact && gradient.isUnchanged)
  }

  @Test(arguments: Case.vectors)
  func `complete sums become moments`(_ each: Case) {
    let average = each.average(count: 37)
    let old = each.positives(each.columns, seed: 11)
    let (sums, weightedSums) = (
      each.positives(each.columns, seed: 12), each.positives(each.columns, seed: 13)
    )
    let (source, apart, inPlace) = (each.numbers(old), each.unwritten(each.columns), each.numbers(old))
    let kernels = each.path.kernels
    let result = kernels.finishMoments(
      average: average, old: source.reading, new: apart.writing, sums: sums, weightedSums: weightedSums,
      count: each.columns)
    let again = kernels.finishMoments(
      average: average, old: inPlace.reading, new: inPlace.writing, sums: sums, weightedSums: weightedSums,
      count: each.columns)
    let expected = AdafactorKernelOracle.moments(average, old: old, sums: sums)
    let unit = each.arithmetic.roundoff
    expectAgreement("moments", apart.values, expected) { 6 * unit * expected[$0] }
    #expect(inPlace.values == apart.values && again == result && source.isUnchanged)
    #expect(apart.marginsAreIntact && inPlace.marginsAreIntact)
    // The quotients are those of the moments as they were stored.
    let quotients = zip(weightedSums, apart.values).reduce(0) { $0 + $1.0 / $1.1 }
    #expect((result - quotients).magnitude <= Double(each.columns + 2) * Double.roundoff * quotients)
  }

  @Test(arguments: Case.vectors)
  func `element statistics divide squares by moments that are not stored`(_ each: Case) {
    let (gradient, oracle) = each.makeGradient()
    let average = each.average(count: 1)
    let old = each.positives(each.columns, seed: 14)
    let moments = each.numbers(old)
    let found = each.path.kernels.elementStatistics(
      gradient.piece(scale: each.scale), average: average, moments: moments.reading)
    var expected = 0.0
    for column in 0..<each.columns {
      let square = oracle.square(0, column)
      expected += square / AdafactorKernelOracle.moment(average, old: old[column], sum: square)
    }
    let relative = (Bound.sum(each.columns) + 7) * each.arithmetic.roundoff
    #expect((found - expected).magnitude <= relative * expected)
    #expect(moments.isUnchanged && gradient.isUnchanged)
  }

  @Test(arguments: Case.panels)
  func `squares and elements add up`(_ each: Case) {
    let kernels = each.path.kernels
    // Of a parameter, whose own type decides the arithmetic.
    let (parameter, oracle) = each.makeGradient()
    let squares = kernels.sumOfSquares(
      parameter.reading, rows: each.rows, columns: each.columns, stride: parameter.stride)
    let expected = oracle.rowSums().reduce(0, +) / (each.scale * each.scale)
    #expect(
      (squares - expected).magnitude
        <= Bound.sum(each.rows * each.columns) * each.gradient.arithmeticType.roundoff * expected
        + Double(each.rows) * Double.roundoff * expected)

    let values = each.positives(each.columns, seed: 15)
    let sum = values.reduce(0, +)
    let moments = each.numbers(values)
    let found = kernels.sum(moments.reading, count: each.columns)
    #expect(parameter.isUnchanged && moments.isUnchanged)
    #expect((found - sum).magnitude <= Bound.sum(each.columns) * each.arithmetic.roundoff * sum)
  }

  @Test(arguments: Backend.available)
  func `sums of millions of equal terms do not drift`(path: Backend) {
    let (kernels, count) = (path.kernels, 1 << 22)
    let values = [Float](repeating: 0.1, count: count)
    let square = Double(Float(0.1)) * Double(Float(0.1))
    values.withUnsafeBytes { bytes in
      let elements = Elements(bytes.baseAddress!, .float32)
      // Within a chunk, equal terms all round the same way: no more than a chunk's roundings, whatever the count.
      let relative = AdafactorKernelBound.sum(count) * Float.roundoff
      let exact = square * Double(count)
      let squares = kernels.sumOfSquares(elements, rows: 1, columns: count, stride: count)
      #expect((squares - exact).magnitude <= relative * exact)
      let tall = kernels.sumOfSquares(elements, rows: 50_257, columns: 16, stride: 16)
      let part = square * Double(50_257 * 16)
      #expect((tall - part).magnitude <= relative * part)
      let sum = kernels.sum(elements, count: count)
      #expect((sum - Double(Float(0.1)) * Double(count)).magnitude <= relative * sum)
      // β = 0 and ε = 0: every square is divided by itself.
      let piece = GradientPiece(elements, scale: 1, rows: 1, columns: count, stride: count)
      let quotients = kernels.elementStatistics(
        piece, average: MomentAverage(decay: 0, weight: 1, epsilon: 0, count: 1), moments: elements)
      #expect(quotients == Double(count))
    }
  }
}

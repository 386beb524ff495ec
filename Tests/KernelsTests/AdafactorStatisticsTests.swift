import KernelInterface
import Tensors
import TestSupport
import Testing

/// Compares every implementation of Adafactor's statistics kernels with Double.
@Suite struct AdafactorStatisticsTests {
  typealias Case = AdafactorKernelCase
  typealias Bound = AdafactorKernelBound

  @Test(arguments: Case.cases(Case.pieceShapes, of: [\.rowMoments]))
  func `Row moments average the mean squares of rows`(_ each: Case) {
    let (gradient, oracle) = each.makeGradient()
    let average = each.average(count: each.columns)
    let old = each.positives(each.rows, seed: 1)
    let expected = AdafactorKernelOracle.moments(average, old: old, sums: oracle.rowSums())
    let (source, apart, inPlace) = (each.numbers(old), each.unwritten(each.rows), each.numbers(old))
    let piece = gradient.piece(scale: each.scale)
    each.kernels.rowMoments(piece, average, source.reading, apart.writing)
    each.kernels.rowMoments(piece, average, inPlace.reading, inPlace.writing)
    expectAgreement("R", apart.values, expected) {
      Bound.moment(each.columns) * each.arithmetic.roundoff * expected[$0]
    }
    #expect(inPlace.values == apart.values && source.isUnchanged && gradient.isUnchanged)
    #expect(apart.marginsAreIntact && inPlace.marginsAreIntact)
  }

  @Test(arguments: Case.cases(Case.panelShapes, of: [\.columnMoments]))
  func `Column moments average the mean squares of columns`(_ each: Case) {
    let (gradient, oracle) = each.makeGradient()
    let average = each.average(count: each.rows)
    let old = each.positives(each.columns, seed: 2)
    let expected = AdafactorKernelOracle.moments(average, old: old, sums: oracle.columnSums())
    let (source, apart, inPlace) = (each.numbers(old), each.unwritten(each.columns), each.numbers(old))
    let piece = gradient.piece(scale: each.scale)
    each.kernels.columnMoments(piece, average, source.reading, apart.writing)
    each.kernels.columnMoments(piece, average, inPlace.reading, inPlace.writing)
    expectAgreement("C", apart.values, expected) {
      Bound.moment(each.rows) * each.arithmetic.roundoff * expected[$0]
    }
    #expect(inPlace.values == apart.values && source.isUnchanged && gradient.isUnchanged)
    #expect(apart.marginsAreIntact && inPlace.marginsAreIntact)
  }

  @Test(arguments: Case.cases(Case.panelShapes, of: [\.rowStatistics]))
  func `Column sums add squares, plain and divided by new row moments`(_ each: Case) {
    let (gradient, oracle) = each.makeGradient()
    let average = each.average(count: each.columns)
    let old = each.numbers(each.positives(each.rows, seed: 3))
    let (new, alone) = (each.unwritten(each.rows), each.unwritten(each.rows))
    // The previous contents are overwritten.
    var (totals, weightedTotals) = (
      each.positives(each.columns, seed: 4), each.positives(each.columns, seed: 5)
    )
    let zeros = [Double](repeating: 0, count: each.columns)
    let (partial, partialWeighted) = (each.numbers(zeros), each.numbers(zeros))
    let piece = gradient.piece(scale: each.scale)
    withColumnSums((partial, partialWeighted), into: &totals, &weightedTotals) {
      each.kernels.rowStatistics(piece, average, old.reading, new.writing, $0)
    }
    each.kernels.rowMoments(piece, average, old.reading, alone.writing)
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

  @Test(arguments: Case.cases(Case.panelShapes, of: [\.panelStatistics]))
  func `Row sums add squares, plain and divided by new column moments`(_ each: Case) {
    let (gradient, oracle) = each.makeGradient()
    let average = each.average(count: each.rows)
    let old = each.numbers(each.positives(each.columns, seed: 6))
    let (new, alone) = (each.unwritten(each.columns), each.unwritten(each.columns))
    let (before, weightedBefore) = (each.positives(each.rows, seed: 7), each.positives(each.rows, seed: 8))
    var (sums, weightedSums) = (before, weightedBefore)
    let piece = gradient.piece(scale: each.scale)
    // A pointer to an empty array is valid, and nothing is written to it.
    let inverses = each.kernels.panelStatistics(
      piece, average, old.reading, new.writing, &sums, &weightedSums)
    each.kernels.columnMoments(piece, average, old.reading, alone.writing)
    #expect(new.values == alone.values)
    let expectedInverses = new.values.reduce(0) { $0 + 1 / $1 }
    #expect(
      (inverses - expectedInverses).magnitude
        <= Bound.sum(each.columns) * each.arithmetic.roundoff * expectedInverses)
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

  @Test(arguments: Case.cases(Case.vectorShapes, of: [\.finishMoments]))
  func `Complete sums become moments`(_ each: Case) {
    let average = each.average(count: 37)
    let old = each.positives(each.columns, seed: 11)
    let (sums, weightedSums) = (
      each.positives(each.columns, seed: 12), each.positives(each.columns, seed: 13)
    )
    let (source, apart, inPlace) = (each.numbers(old), each.unwritten(each.columns), each.numbers(old))
    let finish = each.kernels.finishMoments
    let result = finish(average, source.reading, apart.writing, sums, weightedSums, each.columns)
    let again = finish(average, inPlace.reading, inPlace.writing, sums, weightedSums, each.columns)
    let expected = AdafactorKernelOracle.moments(average, old: old, sums: sums)
    let unit = each.arithmetic.roundoff
    expectAgreement("moments", apart.values, expected) { 6 * unit * expected[$0] }
    #expect(inPlace.values == apart.values && again == result && source.isUnchanged)
    #expect(apart.marginsAreIntact && inPlace.marginsAreIntact)
    // The quotients use the moments as they were stored.
    let quotients = zip(weightedSums, apart.values).reduce(0) { $0 + $1.0 / $1.1 }
    #expect((result - quotients).magnitude <= Double(each.columns + 2) * Double.roundoff * quotients)
  }

  @Test(arguments: Case.cases(Case.vectorShapes, of: [\.elementStatistics]))
  func `Element statistics divide squares by moments that are not stored`(_ each: Case) {
    let (gradient, oracle) = each.makeGradient()
    let average = each.average(count: 1)
    let old = each.positives(each.columns, seed: 14)
    let moments = each.numbers(old)
    let found = each.kernels.elementStatistics(gradient.piece(scale: each.scale), average, moments.reading)
    var expected = 0.0
    for column in 0..<each.columns {
      let square = oracle.square(0, column)
      expected += square / AdafactorKernelOracle.moment(average, old: old[column], sum: square)
    }
    let relative = (Bound.sum(each.columns) + 7) * each.arithmetic.roundoff
    #expect((found - expected).magnitude <= relative * expected)
    #expect(moments.isUnchanged && gradient.isUnchanged)
  }

  @Test(arguments: Case.cases(Case.panelShapes, of: [\.sum, \.inverseSum, \.sumOfSquares]))
  func `Squares and elements are summed`(_ each: Case) {
    // The elements are a parameter's, whose type determines the arithmetic.
    let (parameter, oracle) = each.makeGradient()
    let kernels = each.backend.kernels.adafactor[each.gradient, each.gradient]
    let squares = kernels.sumOfSquares(parameter.reading, each.rows, each.columns, parameter.stride)
    let expected = oracle.rowSums().reduce(0, +) / (each.scale * each.scale)
    #expect(
      (squares - expected).magnitude
        <= Bound.sum(each.rows * each.columns) * each.gradient.arithmeticType.roundoff * expected
        + Double(each.rows) * Double.roundoff * expected)

    let values = each.positives(each.columns, seed: 15)
    let sum = values.reduce(0, +)
    let moments = each.numbers(values)
    let found = each.kernels.sum(moments.reading, each.columns)
    let inverses = values.reduce(0) { $0 + 1 / $1 }
    #expect(
      (each.kernels.inverseSum(moments.reading, each.columns) - inverses).magnitude
        <= Bound.sum(each.columns + 2) * each.arithmetic.roundoff * inverses)
    #expect(parameter.isUnchanged && moments.isUnchanged)
    #expect((found - sum).magnitude <= Bound.sum(each.columns) * each.arithmetic.roundoff * sum)
  }

  @Test(arguments: Case.cases(Case.pieceShapes, of: [\.squares]))
  func `Squares fill a tile without gaps`(_ each: Case) {
    let (gradient, oracle) = each.makeGradient()
    let expected = oracle.gradient.map { $0 * $0 }
    let tile = each.unwritten(expected.count)
    each.kernels.squares(gradient.piece(scale: each.scale), tile.writing)
    // Conversion and scale are rounded twice each in a square, and the square once.
    expectAgreement("squares", tile.values, expected) { 5 * each.arithmetic.roundoff * expected[$0] }
    #expect(tile.marginsAreIntact && gradient.isUnchanged)
  }

  @Test(arguments: Case.cases(Case.vectorShapes, of: [\.movePartialSums]), [false, true])
  func `Partial sums are moved into the totals`(_ each: Case, adding: Bool) {
    let sums = (each.positives(each.columns, seed: 16), each.positives(each.columns, seed: 17))
    let before = (each.positives(each.columns, seed: 18), each.positives(each.columns, seed: 19))
    let (partial, partialWeighted) = (each.numbers(sums.0), each.numbers(sums.1))
    var (totals, weightedTotals) = before
    withColumnSums((partial, partialWeighted), into: &totals, &weightedTotals) {
      each.kernels.movePartialSums($0, adding)
    }
    #expect(totals == zip(before.0, sums.0).map { (adding ? $0 : 0) + $1 })
    #expect(weightedTotals == zip(before.1, sums.1).map { (adding ? $0 : 0) + $1 })
    for sums in [partial, partialWeighted] {
      #expect(sums.values.allSatisfy { $0 == 0 } && sums.marginsAreIntact)
    }
  }

  /// β = 0 and ε = 0: every square is divided by itself, but the lanes after the last element must not be.
  @Test(arguments: Array(1...17) + [513])
  func `If β and ε are 0, each element of a row contributes 1`(columns: Int) {
    let average = MomentAverage(decay: 0, weight: 1, epsilon: 0, count: 1)
    let gradient = TestElements((0..<columns).map { Double($0 % 7) + 0.5 }, .float32)
    let zeros = [Double](repeating: 0, count: columns)
    let (old, new) = (TestElements(zeros, .float32), TestElements(zeros, .float32))
    // On every backend, Swift computes a panel of one row.
    let kernels = Backend.swift.kernels.adafactor[.float32, .float32]
    #expect(
      kernels.elementStatistics(gradient.piece(scale: 1), average, old.reading) == Double(columns))
    var (sum, weightedSum) = (0.0, 0.0)
    let inverses = kernels.panelStatistics(
      gradient.piece(scale: 1), average, old.reading, new.writing, &sum, &weightedSum)
    // x · (1 / x) is within two roundings of 1.
    let relative = Bound.sum(columns) * ScalarType.float32.roundoff
    #expect((weightedSum - Double(columns)).magnitude <= relative * Double(columns))
    let expected = gradient.values.reduce(0) { $0 + 1 / ($1 * $1) }
    #expect((inverses - expected).magnitude <= relative * expected)
    #expect(gradient.isUnchanged && old.isUnchanged && new.marginsAreIntact)
  }

  @Test(arguments: Backend.implementing([\AdafactorKernels.sum, \.sumOfSquares, \.elementStatistics]))
  func `Sums of millions of equal terms do not drift`(backend: Backend) {
    let (kernels, count) = (backend.kernels.adafactor[.float32, .float32], 1 << 22)
    let values = [Float](repeating: 0.1, count: count)
    let square = Double(Float(0.1)) * Double(Float(0.1))
    values.withUnsafeBytes { bytes in
      let elements = Elements(bytes.baseAddress!, .float32)
      // Within a chunk, equal terms are all rounded in the same direction: the error is at most a chunk's
      // roundings, for any count.
      let relative = AdafactorKernelBound.sum(count) * Float.roundoff
      let exact = square * Double(count)
      let squares = kernels.sumOfSquares(elements, 1, count, count)
      #expect((squares - exact).magnitude <= relative * exact)
      let tall = kernels.sumOfSquares(elements, 50_257, 16, 16)
      let part = square * Double(50_257 * 16)
      #expect((tall - part).magnitude <= relative * part)
      let sum = kernels.sum(elements, count)
      #expect((sum - Double(Float(0.1)) * Double(count)).magnitude <= relative * sum)
      // β = 0 and ε = 0: every square is divided by itself.
      let piece = GradientPiece(elements, scale: 1, rows: 1, columns: count, stride: count)
      let quotients = kernels.elementStatistics(
        piece, MomentAverage(decay: 0, weight: 1, epsilon: 0, count: 1), elements)
      #expect(quotients == Double(count))
    }
  }
}

import KernelInterface
import Tensors
import TestSupport
import Testing

/// Compares every implementation of Adafactor's update kernels with Double.
@Suite struct AdafactorUpdateTests {
  typealias Case = AdafactorKernelCase

  /// With and without weight decay and momentum.
  static let changes: [(shrinkage: Double, beta1: Double?)] = [
    (0, nil), (0.0625, nil), (0, 0.9), (0.0625, 0.9), (0.3, 0),
  ]

  @Test(arguments: Case.cases(Case.updateShapes, of: [\.updateFactored]))
  func `A factored update changes the parameter by its formula`(_ each: Case) {
    let (gradient, oracle) = each.makeGradient()
    let (rowFactors, columnFactors) = (
      each.positives(each.rows, seed: 1), each.positives(each.columns, seed: 2)
    )
    let (a, b) = (each.numbers(rowFactors), each.numbers(columnFactors))
    for (shrinkage, beta1) in Self.changes {
      let target = Target(each, beta1: beta1)
      let squares = each.kernels.updateFactored(
        target.parameter.writing, gradient.piece(scale: each.scale), a.reading, b.reading,
        target.change(shrinkage: shrinkage))
      target.check(shrinkage: shrinkage, squares: squares) { index in
        let (row, column) = index.quotientAndRemainder(dividingBy: each.columns)
        return rowFactors[row] * columnFactors[column] * oracle.gradient[index]
      }
    }
    #expect(a.isUnchanged && b.isUnchanged && gradient.isUnchanged)
  }

  @Test(arguments: Case.cases(Case.vectorShapes.filter { $0.1 <= 600 }, of: [\.updateElements]))
  func `An elementwise update changes moments and parameter by its formula`(_ each: Case) {
    let (gradient, oracle) = each.makeGradient()
    let average = each.average(count: 1)
    let old = each.positives(each.columns, seed: 3)
    let expected = (0..<each.columns).map {
      AdafactorKernelOracle.moment(average, old: old[$0], sum: oracle.square(0, $0))
    }
    let factor = 0.7
    for (shrinkage, beta1) in Self.changes {
      let target = Target(each, beta1: beta1)
      let moments = each.numbers(old)
      let squares = each.kernels.updateElements(
        target.parameter.writing, gradient.piece(scale: each.scale), average, moments.writing, factor,
        target.change(shrinkage: shrinkage))
      expectAgreement("v", moments.values, expected) { 12 * each.arithmetic.roundoff * expected[$0] }
      #expect(moments.marginsAreIntact)
      target.check(shrinkage: shrinkage, squares: squares) {
        factor * oracle.gradient[$0] / expected[$0].squareRoot()
      }
    }
    #expect(gradient.isUnchanged)
  }

  @Test(arguments: Case.cases(Case.vectorShapes, of: [\.reciprocalRoots]))
  func `Reciprocal roots are quotients`(_ each: Case) {
    let moments = each.positives(each.columns, seed: 4)
    let (source, out) = (each.numbers(moments), each.unwritten(each.columns))
    each.kernels.reciprocalRoots(source.reading, 0.7, each.columns, out.writing)
    let expected = moments.map { 0.7 / $0.squareRoot() }
    // The factor, the root and the quotient are rounded.
    expectAgreement("factors", out.values, expected) { 3 * each.arithmetic.roundoff * expected[$0] }
    #expect(out.marginsAreIntact && source.isUnchanged)
  }

  /// A parameter with its momentum, and the check of an update.
  private struct Target {
    let each: Case
    let beta1: Double?
    let before: [Double]
    let momentsBefore: [Double]
    let parameter: TestElements
    let moments: TestElements

    init(_ each: Case, beta1: Double?) {
      self.each = each
      self.beta1 = beta1
      var numbers = TestNumbers(seed: each.seed + 5)
      let count = each.rows * each.columns
      before = (0..<count).map { _ in each.arithmetic.rounded(numbers.spread(Double.self)) }
      momentsBefore = (0..<count).map { _ in each.arithmetic.rounded(numbers.spread(Double.self)) }
      func elements(_ values: [Double], byteOffset: Int) -> TestElements {
        // The rows of the parameter have the same distance as the gradient's.
        TestElements(
          values, each.arithmetic, rows: each.rows, columns: each.columns, gap: each.gap,
          byteOffset: byteOffset)
      }
      parameter = elements(before, byteOffset: each.byteOffset)
      moments = elements(momentsBefore, byteOffset: each.byteOffset * each.arithmetic.byteCount)
    }

    func change(shrinkage: Double) -> ParameterChange {
      ParameterChange(shrinkage: shrinkage, momentum: beta1.map { (moments.writing, $0) })
    }

    /// Checks an update. A term is rounded at most nine times before it is part of a parameter.
    func check(shrinkage: Double, squares: Double, update: (Int) -> Double) {
      let expected = before.indices.map { index in
        AdafactorKernelOracle.change(
          before[index], update: update(index), shrinkage: shrinkage,
          momentum: beta1.map { (momentsBefore[index], $0) })
      }
      let unit = 9 * each.arithmetic.roundoff
      expectAgreement("P", parameter.values, expected.map(\.value)) { unit * expected[$0].magnitude }
      if beta1 == nil {
        #expect(moments.values == momentsBefore)
      } else {
        expectAgreement("M", moments.values, expected.map(\.moment)) { unit * expected[$0].magnitude }
      }
      #expect(parameter.marginsAreIntact && moments.marginsAreIntact)
      let recomputed = each.kernels.sumOfSquares(parameter.reading, each.rows, each.columns, parameter.stride)
      #expect(squares == recomputed, "the sum of squares must have the same bits as a recomputed sum")
    }
  }
}

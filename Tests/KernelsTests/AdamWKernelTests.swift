import KernelInterface
import Tensors
import TestSupport
import Testing

/// Compares the kernels of AdamW with Double. No backend overrides them.
@Suite struct AdamWKernelTests {
  /// Types, unusual lengths and addresses.
  typealias Case = AdafactorKernelCase

  static let factors = [
    AdamWFactors(beta1: 0.9, beta2: 0.999, factor: 1e-3, epsilon: 1e-8),
    AdamWFactors(beta1: 0, beta2: 0, factor: 0.3, epsilon: 0.25),
    AdamWFactors(beta1: 0.3, beta2: 0.9, factor: 2, epsilon: 0),
  ]

  @Test(arguments: Case.cases(Case.vectorShapes.filter { $0.1 <= 600 }))
  func `An update changes moments and parameter by its formulas`(_ each: Case) {
    let count = each.columns
    let (gradient, oracle) = each.makeGradient()
    let g = (0..<count).map { oracle.gradient[$0] }
    let u = each.arithmetic.roundoff
    for factors in Self.factors {
      for (shrinkage, keepsMaximum) in [(0, false), (0.0625, false), (0, true), (0.0625, true)] {
        let p = each.positives(count, seed: 1)
        let m = each.positives(count, seed: 2).map { $0 - 0.5 }
        let v = each.positives(count, seed: 3)
        let largest = each.positives(count, seed: 4)
        let parameter = TestElements(p, each.arithmetic, byteOffset: each.byteOffset)
        // The change's momentum is not used.
        let momentum = each.numbers(m)
        let (first, second, maximum) = (each.numbers(m), each.numbers(v), each.numbers(largest))
        _ = each.backend.kernels.adamW[each.arithmetic, each.gradient].update(
          parameter.writing, gradient.piece(scale: each.scale),
          AdamWMoments(
            first: first.writing, second: second.writing, maximum: keepsMaximum ? maximum.writing : nil),
          factors, ParameterChange(shrinkage: shrinkage, momentum: (momentum.writing, 0.9)))
        let newM = (0..<count).map { factors.beta1 * m[$0] + (1 - factors.beta1) * g[$0] }
        let newV = (0..<count).map { factors.beta2 * v[$0] + (1 - factors.beta2) * g[$0] * g[$0] }
        let divisor = (0..<count).map { keepsMaximum ? max(largest[$0], newV[$0]) : newV[$0] }
        let newP = (0..<count).map { index in
          p[index] - shrinkage * p[index]
            - factors.factor * newM[index] / (divisor[index].squareRoot() + factors.epsilon)
        }
        // Errors of m are relative to the terms of its average.
        let terms = (0..<count).map { m[$0].magnitude + g[$0].magnitude }
        expectAgreement("m", first.values, newM) { 6 * u * terms[$0] }
        expectAgreement("v", second.values, newV) { 10 * u * newV[$0] }
        expectAgreement("p", parameter.values, newP) {
          let perTerm = factors.factor / (divisor[$0].squareRoot() + factors.epsilon)
          return u * (4 * p[$0].magnitude + 20 * terms[$0] * perTerm)
        }
        if keepsMaximum {
          expectAgreement("maximum", maximum.values, divisor) { 10 * u * divisor[$0] }
        } else {
          #expect(maximum.isUnchanged)
        }
        #expect(momentum.isUnchanged)
        for elements in [parameter, first, second, maximum] { #expect(elements.marginsAreIntact) }
      }
    }
    #expect(gradient.isUnchanged)
  }

  @Test(arguments: [ScalarType.float32, .float64])
  func `A NaN stays in its element, and in its maximum`(type: ScalarType) {
    for place in [0, 7, 8, 16] {
      let ones = [Double](repeating: 1, count: 17)
      var g = ones
      g[place] = .nan
      let (gradient, parameter) = (TestElements(g, type), TestElements(ones, type))
      let moments = (TestElements(ones, type), TestElements(ones, type), TestElements(ones, type))
      _ = Backend.swift.kernels.adamW[type, type].update(
        parameter.writing, gradient.piece(scale: 1),
        AdamWMoments(first: moments.0.writing, second: moments.1.writing, maximum: moments.2.writing),
        Self.factors[0], ParameterChange(shrinkage: 0))
      for elements in [parameter, moments.0, moments.1, moments.2] {
        #expect(elements.values.indices.filter { elements.values[$0].isNaN } == [place])
      }
    }
  }

  @Test(arguments: Case.cases(Case.vectorShapes.filter { $0.1 > 0 }))
  func `Squares are finite unless one element's square is not`(_ each: Case) {
    let kernels = each.backend.kernels.adamW[each.arithmetic, each.arithmetic]
    let huge = each.arithmetic == .float64 ? 1e200 : 1e30
    var numbers = [Double](repeating: each.arithmetic == .float64 ? 1e150 : 1e18, count: each.columns)
    // The sum of many such squares overflows, although no square does.
    func areFinite() -> Bool {
      let gradient = TestElements(numbers, each.arithmetic, byteOffset: each.byteOffset)
      return kernels.squaresAreFinite(gradient.piece(scale: 1)) && gradient.isUnchanged
    }
    #expect(areFinite())
    for place in Set([0, each.columns / 2, each.columns - 1]) {
      for bad in [Double.nan, .infinity, -.infinity, huge, -huge] {
        let good = numbers[place]
        numbers[place] = bad
        #expect(!areFinite(), "\(bad) at \(place)")
        numbers[place] = good
      }
    }
  }

  @Test func `Squares are checked after scaling`() {
    let areFinite = Backend.swift.kernels.adamW[.float32, .float32].squaresAreFinite
    let gradient = TestElements([1, 1e25, 2], .float32)
    #expect(!areFinite(gradient.piece(scale: 1)))
    #expect(areFinite(gradient.piece(scale: 1e-10)))
    #expect(!areFinite(gradient.piece(scale: .nan)))
    #expect(gradient.isUnchanged)
  }
}

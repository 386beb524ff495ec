import KernelInterface
import Tensors
import Testing

@Suite("The kernels of AdamW, on every path against Double")
struct AdamWKernelTests {
  /// Paths, types, awkward lengths and addresses.
  typealias Case = AdafactorKernelCase

  static let rules = [
    AdamWRule(beta1: 0.9, beta2: 0.999, factor: 1e-3, epsilon: 1e-8),
    AdamWRule(beta1: 0, beta2: 0, factor: 0.3, epsilon: 0.25),
    AdamWRule(beta1: 0.3, beta2: 0.9, factor: 2, epsilon: 0),
  ]

  @Test(arguments: Case.vectors.filter { $0.columns <= 600 })
  func `an update changes moments and parameter by its formulas`(_ each: Case) {
    let count = each.columns
    let (gradient, oracle) = each.makeGradient()
    let g = (0..<count).map { oracle.gradient[$0] }
    let u = each.arithmetic.roundoff
    for rule in Self.rules {
      for (shrinkage, keepsMaximum) in [(0, false), (0.0625, false), (0, true), (0.0625, true)] {
        let p = each.positives(count, seed: 1)
        let m = each.positives(count, seed: 2).map { $0 - 0.5 }
        let v = each.positives(count, seed: 3)
        let largest = each.positives(count, seed: 4)
        let parameter = TestElements(p, each.arithmetic, byteOffset: each.byteOffset)
        let (first, second, maximum) = (each.numbers(m), each.numbers(v), each.numbers(largest))
        each.path.kernels.updateAdamW(
          parameter.writing, gradient.piece(scale: each.scale),
          moments: AdamWMoments(
            first: first.writing, second: second.writing, maximum: keepsMaximum ? maximum.writing : nil),
          rule: rule, change: ParameterChange(shrinkage: shrinkage))
        let newM = (0..<count).map { rule.beta1 * m[$0] + (1 - rule.beta1) * g[$0] }
        let newV = (0..<count).map { rule.beta2 * v[$0] + (1 - rule.beta2) * g[$0] * g[$0] }
        let divisor = (0..<count).map { keepsMaximum ? max(largest[$0], newV[$0]) : newV[$0] }
        let newP = (0..<count).map { index in
          p[index] - shrinkage * p[index]
            - rule.factor * newM[index] / (divisor[index].squareRoot() + rule.epsilon)
        }
        // Errors of m are relative to what it is the average of.
        let terms = (0..<count).map { m[$0].magnitude + g[$0].magnitude }
        expectAgreement("m", first.values, newM) { 6 * u * terms[$0] }
        expectAgreement("v", second.values, newV) { 10 * u * newV[$0] }
        expectAgreement("p", parameter.values, newP) {
          let perTerm = rule.factor / (divisor[$0].squareRoot() + rule.epsilon)
          return u * (4 * p[$0].magnitude + 20 * terms[$0] * perTerm)
        }
        if keepsMaximum {
          expectAgreement("maximum", maximum.values, divisor) { 10 * u * divisor[$0] }
        } else {
          #expect(maximum.isUnchanged)
        }
        for elements in [parameter, first, second, maximum] { #expect(elements.marginsAreIntact) }
      }
    }
    #expect(gradient.isUnchanged)
  }

  @Test(arguments: Backend.available, [ScalarType.float32, .float64])
  func `a NaN stays in its element, and in its maximum`(path: Backend, type: ScalarType) {
    for place in [0, 7, 8, 16] {
      let ones = [Double](repeating: 1, count: 17)
      var g = ones
      g[place] = .nan
      let (gradient, parameter) = (TestElements(g, type), TestElements(ones, type))
      let moments = (TestElements(ones, type), TestElements(ones, type), TestElements(ones, type))
      path.kernels.updateAdamW(
        parameter.writing, gradient.piece(scale: 1),
        moments: AdamWMoments(
          first: moments.0.writing, second: moments.1.writing, maximum: moments.2.writing),
        rule: Self.rules[0], change: ParameterChange(shrinkage: 0))
      for elements in [parameter, moments.0, moments.1, moments.2] {
        #expect(elements.values.indices.filter { elements.values[$0].isNaN } == [place])
      }
    }
  }

  @Test(arguments: Case.vectors.filter { $0.columns > 0 })
  func `squares are finite until one element's is not`(_ each: Case) {
    let kernels = each.path.kernels
    let huge = each.arithmetic == .float64 ? 1e200 : 1e30
    var numbers = [Double](repeating: each.arithmetic == .float64 ? 1e150 : 1e18, count: each.columns)
    // The sum of these squares overflows where there are many; no square does.
    func areFinite() -> Bool {
      let gradient = TestElements(numbers, each.arithmetic, byteOffset: each.byteOffset)
      return kernels.squaresAreFinite(gradient.piece(scale: 1), arithmetic: each.arithmetic)
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

  @Test(arguments: Backend.available)
  func `squares are judged after the scale`(path: Backend) {
    let gradient = TestElements([1, 1e25, 2], .float32)
    #expect(!path.kernels.squaresAreFinite(gradient.piece(scale: 1), arithmetic: .float32))
    #expect(path.kernels.squaresAreFinite(gradient.piece(scale: 1e-10), arithmetic: .float32))
    #expect(!path.kernels.squaresAreFinite(gradient.piece(scale: .nan), arithmetic: .float32))
  }
}

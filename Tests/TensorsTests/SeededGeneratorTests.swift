import Testing

@testable import Tensors

@Suite("Seeded random numbers")
struct SeededGeneratorTests {
  @Test func `SplitMix64 gives its published sequence`() {
    var generator = SplitMix64(state: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      4_593_380_528_125_082_431,
      16_408_922_859_458_223_821,
    ]
    #expect(expected.map { _ in generator.next() } == expected)
  }

  @Test func `Xoshiro256** gives its published sequence`() {
    var generator = SeededGenerator(seed: 0)
    generator.state = (1, 2, 3, 4)
    let expected: [UInt64] = [
      11520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360, 607_988_272_756_665_600,
    ]
    #expect(expected.map { _ in generator.next() } == expected)
  }

  @Test func `The same seed gives the same tensor, and another seed gives a different one`() {
    func normal(_ seed: UInt64) -> Tensor {
      var generator = SeededGenerator(seed: seed)
      return Tensor(normal: [10, 10], using: &generator)
    }
    #expect(normal(7) == normal(7))
    #expect(normal(7) != normal(8))
  }

  @Test func `Normal and uniform elements have the moments of their distribution`() {
    var generator = SeededGenerator(seed: 42)
    let count = 20_000
    // Five standard errors: σ/√n for the mean, σ²√(2/n) for the variance.
    let error = 5 / Double(count).squareRoot()
    let normal = Tensor(normal: [count], mean: 3, standardDeviation: 2, using: &generator)
    #expect((normal.mean() - 3).magnitude < 2 * error)
    #expect(((normal - 3).sumOfSquares() / Double(count) - 4).magnitude < 4 * 2.squareRoot() * error)
    let uniform = Tensor(uniform: [count], from: -1, to: 3, using: &generator)
    #expect((uniform.mean() - 1).magnitude < error * (16.0 / 12).squareRoot())
    let values = uniform.scalars(as: Float.self)
    #expect(values.allSatisfy { (-1...3).contains($0) })
    #expect(values.max()! > 2.99 && values.min()! < -0.99)
  }
}

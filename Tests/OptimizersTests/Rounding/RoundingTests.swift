import Optimizers
import Tensors
import TestSupport
import Testing

/// Roundings into 16-bit parameters, compared with the Float32 step of the same values.
@Suite struct RoundingTests {
  @Test(arguments: RoundingRun.all)
  func `A stochastic step gives a neighbor of the Float32 step's value`(run: RoundingRun) throws {
    let narrow = run.parameters()
    let wide = narrow.map { Parameter($0.name, $0.value.converted(to: .float32)) }
    for (parameters, rounding) in [(narrow, Rounding.stochastic), (wide, .nearest)] {
      run.setGradients(of: parameters, step: 1)
      try run.optimizer(parameters, rounding).optimizer.step()
    }
    var sides = (below: 0, above: 0)
    for (narrow, wide) in zip(narrow, wide) {
      for (found, exact) in zip(narrow.value.doubles, wide.value.doubles) {
        // Adjacent values are one unit in the last place apart, twice the roundoff of the power of two below. Subnormal
        // values of Float16 are 2⁻²⁴ apart.
        let power = exact == 0 ? 0 : exact.binade.magnitude
        let spacing = max(2 * run.type.sixteenBitRoundoff * power, run.type == .float16 ? 0x1p-24 : 0)
        if found != exact, !((found - exact).magnitude < spacing) {
          Issue.record("\(narrow): \(found) is not a neighbor of \(exact)")
          return
        }
        if found < exact { sides.below += 1 } else if found > exact { sides.above += 1 }
      }
    }
    // As often below as above, because values are spread evenly between two neighbors.
    let count = Double(sides.below + sides.above)
    #expect(count > 50_000)
    #expect((Double(sides.below) - count / 2).magnitude < 5 * (count / 4).squareRoot(), "\(sides)")
  }

  /// The values and residuals follow from the Float32 step, bit for bit.
  ///
  /// OpenBLAS rounds differently in updates of Float32 parameters, and does not update 16-bit parameters. In that case,
  /// value and residual add up to the Float32 value within u of the rounding error, and sixteen roundings in Float32 of
  /// terms no greater than the value and ten times the rate.
  @Test(arguments: RoundingRun.all)
  func `A compensated step keeps the rounding error, in every block form`(
    run: RoundingRun
  ) throws {
    let narrow = run.parameters()
    let wide = narrow.map { Parameter($0.name, $0.value.converted(to: .float32)) }
    let (compensated, plain) = try (run.optimizer(narrow, .compensated), run.optimizer(wide, .nearest))
    for step in 1...3 {
      // The Float32 run starts each step with the sum of value and residual, and has the same moments.
      for (narrow, wide) in zip(narrow, wide) {
        guard let residual = compensated.residual(of: narrow) else { continue }
        let sums = zip(narrow.value.doubles, residual.doubles).map { $0 + run.type.residualUnit * $1 }
        wide.value = Tensor(sums, shape: wide.value.shape, as: .float32)
      }
      for (parameters, optimizer) in [(narrow, compensated), (wide, plain)] {
        run.setGradients(of: parameters, step: step)
        try optimizer.optimizer.step()
      }
      for (narrow, wide) in zip(narrow, wide) {
        let residual = compensated.residual(of: narrow)
        #expect(residual?.scalarType == run.type)
        if run.backend == .swift {
          let lost = zip(wide.value.doubles, narrow.value.doubles).map { ($0 - $1) / run.type.residualUnit }
          let exact = Tensor(lost, shape: wide.value.shape, as: run.type)
          #expect(narrow.value.bits == wide.value.converted(to: run.type).bits, "\(narrow), step \(step)")
          #expect(residual?.doubles == exact.doubles, "\(narrow), step \(step)")
        } else {
          let sums = zip(narrow.value.doubles, residual!.doubles).map { $0 + run.type.residualUnit * $1 }
          let u = run.type.sixteenBitRoundoff
          let found = disagreement(sums, wide.value.doubles) {
            u * u * $0.magnitude + 16 * 0x1p-24 * ($0.magnitude + 0.1)
          }
          #expect(found == nil, "\(narrow), step \(step)")
        }
      }
    }
  }

  /// 2,000 steps of 1/8 of the smallest half unit in the last place of 1 ..< 2. Rounding to nearest loses all of them.
  ///
  /// - A residual is off by u of the rounding error, which is u of the value: T·u²·p in total. At the end, the value
  ///   without its residual is off by u·p.
  /// - A draw moves an element by a unit s with probability rate/s, with a variance below rate·s. Means of n elements after
  ///   T steps deviate by √(T·rate·s/n); five times that is never seen.
  /// - Float32 itself loses 2⁻²⁴·p per step, and the update is off by a few of its own units.
  @Test(arguments: RoundingRun.all)
  func `If nearest stalls, the others track Float32`(run: RoundingRun) throws {
    let (steps, rate) = (2000, run.type.sixteenBitRoundoff / 8)
    func final(_ type: ScalarType, _ rounding: Rounding) throws -> [[Double]] {
      let shapes: [Shape] = [[24], [3, 5], [2, 3, 3]]
      let parameters = shapes.enumerated().map { index, shape in
        Parameter("p\(index)", Tensor(repeating: 1.125, shape: shape).converted(to: type))
      }
      for parameter in parameters { parameter.gradient = Tensor(repeating: -1, shape: parameter.value.shape) }
      let optimizer = try run.constantSteps(parameters, rate: rate, rounding).optimizer
      for _ in 0..<steps { try optimizer.step() }
      return parameters.map(\.value.doubles)
    }
    let exact = try final(.float32, .nearest)
    let moved = Double(steps) * rate
    let largest = 1.125 + moved
    let inFloat = Double(steps) * (0x1p-24 * largest + 8 * 0x1p-24 * rate)
    for values in exact {
      for value in values { #expect((value - largest).magnitude <= inFloat, "\(value), not \(largest)") }
    }
    for values in try final(run.type, .nearest) { #expect(values.allSatisfy { $0 == 1.125 }) }

    let u = run.type.sixteenBitRoundoff
    let bound = (Double(steps) * u * u + u) * largest + inFloat
    #expect(bound < moved / 4, "a bound this wide would be meaningless")
    for values in try final(run.type, .compensated) {
      for value in values { #expect((value - largest).magnitude <= bound, "\(value), not \(largest)") }
    }

    for values in try final(run.type, .stochastic) {
      let mean = values.reduce(0, +) / Double(values.count)
      let unit = 2 * u * largest.binade
      let deviation = (moved * unit / Double(values.count)).squareRoot()
      #expect(5 * deviation < moved / 2, "a bound this wide would be meaningless")
      #expect((mean - largest).magnitude <= 5 * deviation + inFloat, "a mean of \(mean), not \(largest)")
    }
  }

  @Test(arguments: RoundingRun.all)
  func `Any number of threads gives the same bits`(run: RoundingRun) throws {
    for rounding in [Rounding.stochastic, .compensated] {
      func bits(threads: Int) throws -> [[Bits?]] {
        let parameters = run.parameters()
        let optimizer = try run.optimizer(parameters, rounding, threads: threads)
        for step in 1...2 {
          run.setGradients(of: parameters, step: step)
          try optimizer.optimizer.step()
        }
        return parameters.map { [$0.value.bits, optimizer.residual(of: $0)?.bits] }
      }
      let one = try bits(threads: 1)
      for threads in [2, 3] { #expect(try bits(threads: threads) == one, "\(rounding), \(threads)") }
    }
  }

  /// Values halfway between two others: of 500 elements, two draws differ in 250, with a standard deviation of 11.
  @Test(arguments: RoundingRun.all)
  func `Draws depend only on seed, name and step`(run: RoundingRun) throws {
    func draws(seed: UInt64 = 5, name: String = "p", step: Int = 1) throws -> [Double] {
      let initial = Tensor(repeating: 1.125, shape: [500]).converted(to: run.type)
      let parameter = Parameter(name, initial)
      let optimizer = try run.constantSteps(
        [parameter], rate: run.type.sixteenBitRoundoff, .stochastic, seed: seed)
      for _ in 1...step {
        parameter.value = initial
        parameter.gradient = Tensor(repeating: -1, shape: [500])
        try optimizer.optimizer.step()
      }
      return parameter.value.doubles
    }
    #expect(try draws() == draws())
    let all = try [
      draws(), draws(seed: 6), draws(seed: 5 + 1 << 40), draws(name: "q"), draws(step: 2), draws(step: 3),
    ]
    for (index, left) in all.enumerated() {
      for right in all[..<index] {
        let differences = zip(left, right).filter { $0 != $1 }.count
        #expect((195...305).contains(differences))
      }
    }
  }
}

import DistributedTraining
import Optimizers
import Tensors
import TestSupport
import Testing

/// Clipping by the norm of all gradients on all ranks.
@Suite struct SharedClippingTests {
  private static func gradients(scale: Float) -> [Tensor] {
    var numbers = TestNumbers(seed: 8)
    return sharedShapes.map { Tensor(numbers.array($0.elementCount, scale: scale), shape: $0) }
  }

  /// The norm, and the gradient scale, on each rank.
  private static func clip(
    _ gradients: [Tensor], ranks: Int, maxNorm: Double
  ) throws -> [[Double]] {
    try ThreadGroup.run(ranks: ranks) { communicator in
      let plan = ShardPlan(sharedShapes, ranks: communicator.size)
      let whole = sharedShapes.enumerated().map { Parameter("w\($0)", Tensor(zeros: $1)) }
      let parts = plan.parts(of: whole, rank: communicator.rank)
      for (part, gradient) in zip(parts, gradients) { part.gradient = part.shard!.part(of: gradient) }
      // A parameter that every rank has counts once.
      let common = Parameter("common", Tensor(zeros: [2]))
      common.gradient = Tensor([3, 4])
      common.gradientScale = 0.5
      let norm = try communicator.clipGradientNorm(of: parts + [common], maxNorm: maxNorm)
      return [norm] + parts.map(\.gradientScale) + [common.gradientScale]
    }
  }

  @Test(arguments: [1, 1e30] as [Float])
  func `The norm of all gradients has the same bits on any number of ranks`(scale: Float) throws {
    let gradients = Self.gradients(scale: scale)
    let squares = gradients.reduce(6.25) { sum, gradient in
      gradient.scalars(as: Double.self).reduce(sum) { $0 + $1 * $1 }
    }
    let expected = squares.squareRoot()
    let single = try Self.clip(gradients, ranks: 1, maxNorm: 2)[0]
    #expect(abs(single[0] - expected) <= 1e-12 * expected)
    let coefficient = 2 / (single[0] + 1e-6)
    #expect(single[1...].dropLast().allSatisfy { $0 == coefficient })
    #expect(single.last == 0.5 * coefficient)
    for ranks in [2, 3, 8] {
      #expect(try Self.clip(gradients, ranks: ranks, maxNorm: 2) == .init(repeating: single, count: ranks))
    }
    // A norm within the limit changes nothing.
    #expect(try Self.clip(gradients, ranks: 2, maxNorm: 1e40)[1][1] == 1)
  }

  @Test func `Limits that differ or are negative are refused on every rank`() throws {
    let messages = try ThreadGroup.run(ranks: 2) { communicator in
      let common = Parameter("w", Tensor(zeros: [2]))
      common.gradient = Tensor([3, 4])
      var messages: [String] = []
      for limits in [[-1.0, -1], [1, 2]] {
        do {
          try communicator.clipGradientNorm(of: [common], maxNorm: limits[communicator.rank])
        } catch { messages.append("\(error)") }
      }
      return messages
    }
    for message in messages {
      #expect(message[0].contains("maxNorm is -1.0"))
      #expect(message[1].contains("maxNorm: 1.0 on rank 0, 2.0 on rank 1"))
    }
  }
}

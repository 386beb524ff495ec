import DistributedTraining
import Optimizers
import Tensors
import TestSupport
import Testing

/// Gradients that ranks average.
@Suite struct GradientAveragerTests {
  private static let shapes: [Shape] = [[37], [3, 5], [], [200, 100], [2, 17_000]]

  /// The gradient of a part, or nil: the second tensor has none in part 3, and the third none at all.
  private static func gradient(_ part: Int, _ tensor: Int) -> [Float]? {
    if tensor == 1 && part == 3 || tensor == 2 { return nil }
    var numbers = TestNumbers(seed: 10 * part + tensor)
    return numbers.array(shapes[tensor].elementCount)
  }

  private static func weight(_ part: Int) -> Double { part == 5 ? 0 : Double(part % 3 + 1) }

  /// Σ w g in the order of the tree, element by element.
  private static func expected(_ parts: Range<Int>, _ tensor: Int) -> [Float] {
    if parts.count == 1 {
      let (part, count) = (parts.lowerBound, shapes[tensor].elementCount)
      guard weight(part) > 0, let values = gradient(part, tensor) else {
        return .init(repeating: 0, count: count)
      }
      return values.map { $0 * Float(weight(part)) }
    }
    let middle = parts.lowerBound + parts.count / 2
    return zip(
      expected(parts.lowerBound..<middle, tensor), expected(middle..<parts.upperBound, tensor)
    ).map(+)
  }

  private static func parameters() -> [Parameter] {
    shapes.enumerated().map { Parameter("w\($0)", Tensor(zeros: $1)) }
  }

  private static func add(to averager: GradientAverager) throws {
    for part in averager.parts {
      for (index, parameter) in averager.parameters.enumerated() {
        parameter.gradient = gradient(part, index).map { Tensor($0, shape: shapes[index]) }
      }
      try averager.add(part, weight: weight(part))
    }
  }

  @Test(arguments: [1, 2, 3, 4, 8, 9])
  func `The average is the weighted sum in the tree over the parts`(ranks: Int) throws {
    let results = try ThreadGroup.run(ranks: ranks) { communicator in
      let parameters = Self.parameters()
      let averager = try GradientAverager(parameters, partCount: 8, over: communicator)
      // A second batch does not see the first.
      for _ in 0..<2 {
        try Self.add(to: averager)
        try averager.average()
      }
      return parameters.map { ($0.gradient, $0.gradientScale) }
    }
    let expected = Self.shapes.indices.map { Self.expected(0..<8, $0) }
    let total = (0..<8).reduce(0) { $0 + Self.weight($1) }
    for result in results {
      for (index, (gradient, scale)) in result.enumerated() {
        if index == 2 {
          #expect(gradient == nil)
        } else {
          let tensor = try #require(gradient)
          #expect(tensor.bits == Tensor(expected[index], shape: Self.shapes[index]).bits, "tensor \(index)")
          #expect(scale == 1 / total)
        }
      }
    }
  }

  @Test(arguments: [1, 2, 3, 8])
  func `Parts of sharded parameters receive their parts of the average`(ranks: Int) throws {
    let expected = Self.shapes.indices.map { Tensor(Self.expected(0..<8, $0), shape: Self.shapes[$0]) }
    let isRight = try ThreadGroup.run(ranks: ranks) { communicator in
      let parameters = Self.parameters()
      let sharded = ShardedParameters(parameters, over: communicator)
      let averager = try GradientAverager(parameters, partCount: 8, over: communicator)
      try Self.add(to: averager)
      try averager.average(into: sharded)
      let areRight = sharded.parts.enumerated().map { index, part in
        index == 2 ? part.gradient == nil : part.gradient == part.shard!.part(of: expected[index])
      }
      // Each rank writes its number, and gathers the numbers of the others.
      for part in sharded.parts {
        part.value = Tensor(repeating: Double(communicator.rank + 1), shape: part.value.shape)
      }
      try sharded.gather()
      let owners = parameters.enumerated().allSatisfy { index, parameter in
        (0..<ranks).allSatisfy { rank in
          let shard = sharded.plan.shard(of: index, rank: rank)
          return shard.part(of: parameter.value) == Tensor(repeating: Double(rank + 1), shape: shard.shape)
        }
      }
      return areRight.allSatisfy { $0 } && owners
    }
    #expect(isRight == [Bool](repeating: true, count: ranks))
  }

  /// A training of a linear layer, of which each part of a batch is a few samples.
  private static func train(_ communicator: any Communicator, sharded isSharded: Bool) throws -> [Bits] {
    var generator = SeededGenerator(seed: 3)
    let parameters = [
      Parameter("weight", Tensor(normal: [128, 150], using: &generator)),
      Parameter("bias", Tensor(zeros: [150])),
    ]
    let sharded = isSharded ? ShardedParameters(parameters, over: communicator) : nil
    let optimizer = try Adafactor(
      sharded?.parts ?? parameters, options: AdafactorOptions(beta1: 0.9), nonFinitePolicy: .skipStep)
    if isSharded { try optimizer.share(over: communicator) }
    let averager = try GradientAverager(parameters, partCount: 4, over: communicator)
    for step in 0..<4 {
      for part in averager.parts {
        var samples = SeededGenerator(seed: UInt64(100 * step + part))
        let x = Tensor(normal: [3 + part, 128], using: &samples)
        let error = x.matmul(parameters[0].value)
        parameters[0].gradient = x.matmul(error, transposed: true)
        parameters[1].gradient = error.sum(axis: 0) + parameters[1].value
        try averager.add(part, weight: Double(3 + part))
      }
      if let sharded {
        try averager.average(into: sharded)
        try optimizer.step()
        try sharded.gather()
      } else {
        try averager.average()
        try parameters.clipGradientNorm(maxNorm: 1e9)
        try optimizer.step()
      }
    }
    return parameters.map(\.value.bits)
  }

  @Test func `Trainings have the same bits on any number of ranks, with whole states and with sharded ones`()
    throws
  {
    let expected = try Self.train(SingleProcess(), sharded: false)
    for ranks in [1, 2, 3, 4] {
      for isSharded in [false, true] {
        let results = try ThreadGroup.run(ranks: ranks) { try Self.train($0, sharded: isSharded) }
        #expect(
          results == [[Bits]](repeating: expected, count: ranks), "\(ranks) ranks, sharded: \(isSharded)")
      }
    }
  }

  @Test func `Parts out of order, wrong numbers of parts and weights are refused`() throws {
    let parameters = Self.parameters()
    #expect(throws: GradientAveragerError.partCount(6)) {
      try GradientAverager(parameters, partCount: 6, over: SingleProcess())
    }
    let averager = try GradientAverager(parameters, partCount: 2, over: SingleProcess())
    #expect(throws: GradientAveragerError.order(part: 1, expected: 0, parts: 0..<2)) { try averager.add(1) }
    #expect(throws: GradientAveragerError.weight(-1, part: 0)) { try averager.add(0, weight: -1) }
    parameters[0].gradient = Tensor(zeros: [4])
    #expect(throws: GradientAveragerError.gradientShape(parameter: "w0", shape: [37], gradient: [4])) {
      try averager.add(0)
    }
    parameters[0].gradient = nil
    try averager.add(0, weight: 0)
    #expect(throws: CommunicatorError.self) { try averager.average() }
    try averager.add(1, weight: 0)
    #expect(throws: GradientAveragerError.noWeight(partCount: 2)) { try averager.average() }
  }

  @Test func `Parameters are broadcast, and ranks with others are refused`() throws {
    let values = try ThreadGroup.run(ranks: 3) { communicator in
      let parameter = Parameter("w", Tensor(repeating: Double(communicator.rank), shape: [5]))
      try communicator.broadcast([parameter], from: 2)
      return parameter.value
    }
    #expect(values == [Tensor](repeating: Tensor(repeating: 2, shape: [5]), count: 3))
    let failure = #expect(throws: CommunicatorError.self) {
      _ = try ThreadGroup.run(ranks: 2) { communicator in
        try communicator.broadcast([Parameter("w\(communicator.rank)", Tensor(zeros: [5]))])
      }
    }
    #expect(
      failure == .ranksDiffer(["parameter 0: w0 [5] float32 on rank 0, w1 [5] float32 on rank 1"]))
  }
}

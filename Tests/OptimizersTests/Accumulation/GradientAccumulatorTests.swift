import Optimizers
import Tensors
import TestSupport
import Testing

/// Sums of micro-batches' gradients, compared with Double.
@Suite struct GradientAccumulatorTests {
  /// Numbers of elements around the sizes of vectors, tiles and blocks.
  static let counts = [0, 1, 7, 9, 2047, 2049, 3 * 16384 + 5]
  static let cases = ScalarType.allCases.flatMap { type in counts.map { (type, $0) } }
  static let weights = [3.0, 1, 17, 0.5]

  @Test(arguments: Backend.available, cases)
  func `Sums and norms agree with Double`(backend: Backend, typeAndCount: (ScalarType, Int)) throws {
    let (type, count) = typeAndCount
    let parameter = Parameter("p", Tensor(zeros: [count], as: type))
    let accumulator = GradientAccumulator([parameter], backend: backend, threads: 2)
    let gradients = Self.weights.indices.map { GradientOracle.gradient([count], $0, as: type) }
    for (gradient, weight) in zip(gradients, Self.weights) {
      parameter.gradient = gradient
      try accumulator.add(weight: weight)
      #expect(parameter.gradient == nil)
    }
    try accumulator.apply()

    let expected = GradientOracle.weightedSum(gradients, weights: Self.weights)
    // Each of four additions rounds a product and a sum of at most Σ |w g|.
    let roundoff = type == .float64 ? 0x1p-53 : GradientOracle.floatRoundoff
    let sums = parameter.gradient!.scalars(as: Double.self)
    #expect(agree(sums, expected.values) { 8 * roundoff * expected.magnitudes[$0] })
    #expect(parameter.gradientScale == 1 / 21.5)
    #expect(parameter.gradient!.scalarType == (type == .float64 ? .float64 : .float32))
    #expect((accumulator.step, accumulator.totalWeight) == (4, 21.5))

    let norm = try [parameter].gradientNorm(backend: backend)
    let exact = GradientOracle.norm(sums) / 21.5
    // Chunks of 512 squares are summed in the type, and the rest in Double.
    #expect(abs(norm - exact) <= 515 * roundoff * exact)
  }

  @Test func `Micro-batches of any sizes average as one batch, from mean losses and from summed losses`()
    throws
  {
    // Gradients of single tokens, and windows of micro-batches. The last window is shorter.
    let windows = [[4, 4, 4], [1, 7, 2], [5]]
    let parameter = Parameter("p", Tensor(zeros: [6]))
    let accumulator = GradientAccumulator([parameter])
    var seed = 0
    for window in windows {
      let tokens = window.map { count in
        (0..<count).map { _ in
          seed += 1
          return GradientOracle.gradient([6], seed)
        }
      }
      let all = tokens.flatMap { $0 }
      let ones = [Double](repeating: 1, count: all.count)
      let (sum, magnitude) = GradientOracle.weightedSum(all, weights: ones)
      for isMean in [true, false] {
        for batch in tokens {
          let total = batch.dropFirst().reduce(batch[0], +)
          let count = Double(batch.count)
          if isMean {
            try accumulator.add([total / count], weight: count)
          } else {
            try accumulator.add([total], tokenCount: count)
          }
        }
        try accumulator.apply()
        let count = Double(all.count)
        // One rounding per token, two for the mean, two per addition.
        let roundings = count + 2 + 2 * Double(window.count)
        #expect(
          agree(parameter.effectiveGradient!, sum.map { $0 / count }) {
            roundings * GradientOracle.floatRoundoff * magnitude[$0] / count
          }, "\(window), mean loss: \(isMean)")
        accumulator.reset()
      }
    }
  }

  @Test(arguments: Backend.available)
  func `The number of threads changes no bit`(backend: Backend) throws {
    let shapes: [Shape] = [[5, 16384], [3], [40_001], [128, 64]]
    func run(threads: Int) throws -> ([[Float]], Double) {
      let parameters = shapes.enumerated().map { Parameter("p\($0)", Tensor(zeros: $1)) }
      let accumulator = GradientAccumulator(parameters, backend: backend, threads: threads)
      for batch in 0..<3 {
        try accumulator.add(shapes.map { GradientOracle.gradient($0, batch) }, weight: 1.7)
      }
      let sums = try accumulator.gradients.map { $0!.scalars(as: Float.self) }
      try accumulator.apply()
      return (sums, try parameters.gradientNorm(backend: backend, threads: threads))
    }
    let single = try run(threads: 1)
    for threads in [2, 5] {
      let other = try run(threads: threads)
      #expect(other.0 == single.0)
      #expect(other.1 == single.1)
    }
  }

  @Test func `Sums of 16-bit gradients lose nothing to 16-bit rounding`() throws {
    // In BFloat16 256 + 1 is 256.
    let parameter = Parameter("p", Tensor(zeros: [3], as: .bfloat16))
    let accumulator = GradientAccumulator([parameter])
    try accumulator.add([Tensor(repeating: 256, shape: [3], as: .bfloat16)])
    for _ in 0..<100 { try accumulator.add([Tensor(ones: [3], as: .bfloat16)]) }
    #expect(try accumulator.gradients[0] == Tensor([356, 356, 356]))
  }

  @Test func `A missing gradient counts as zero, or stays missing if a window has none`() throws {
    let (late, early, never) = (
      Parameter("late", Tensor(zeros: [2])), Parameter("early", Tensor(zeros: [2])),
      Parameter("never", Tensor(zeros: [2]))
    )
    let accumulator = GradientAccumulator([late, early, never])
    try accumulator.add([nil, Tensor([1, 2]), nil], weight: 1)
    try accumulator.add([Tensor([4, 8]), nil, nil], weight: 3)
    never.gradient = Tensor([9, 9])
    try accumulator.apply()
    #expect(late.effectiveGradient == [3, 6])
    #expect(early.effectiveGradient == [0.25, 0.5])
    #expect(never.gradient == nil)
    #expect(try accumulator.gradients == [Tensor([12, 24]), Tensor([1, 2]), nil])

    accumulator.reset()
    try accumulator.add([Tensor([1, 1]), nil, nil])
    try accumulator.apply()
    #expect(early.gradient == nil)
  }

  @Test func `A gradient's own scale enters its sum`() throws {
    let parameter = Parameter("p", Tensor(zeros: [2]))
    let accumulator = GradientAccumulator([parameter])
    parameter.gradient = Tensor([8, 16])
    parameter.gradientScale = 0.25
    try accumulator.add(weight: 2)
    parameter.gradient = Tensor([1, 1])
    try accumulator.add(tokenCount: 2)
    #expect(try accumulator.gradients == [Tensor([5, 9])])
    #expect(accumulator.totalWeight == 4)
  }

  @Test func `A micro-batch of weight 0 is counted, and its NaN is not read`() throws {
    let parameter = Parameter("p", Tensor(zeros: [2]))
    let accumulator = GradientAccumulator([parameter])
    parameter.gradient = Tensor([.nan, .nan])
    try accumulator.add(weight: 0)
    #expect(throws: GradientAccumulatorError.noWeight(step: 1)) { try accumulator.apply() }
    try accumulator.add([Tensor([2, 4])], weight: 2)
    try accumulator.apply()
    #expect(parameter.effectiveGradient == [2, 4])
    #expect(accumulator.step == 2)
  }

  @Test func `A reset sets sums and counts to zero and keeps the memory`() throws {
    let parameter = Parameter("p", Tensor(zeros: [3]))
    let accumulator = GradientAccumulator([parameter])
    try accumulator.add([Tensor([1, 2, 3])], weight: 5)
    let memory = try accumulator.gradients[0]!.memory
    try accumulator.apply()
    accumulator.reset()
    #expect(parameter.gradient == nil)
    #expect((accumulator.step, accumulator.totalWeight) == (0, 0))
    #expect(try accumulator.gradients == [Tensor(zeros: [3])])
    #expect(throws: GradientAccumulatorError.notCalled) { try accumulator.apply() }
    try accumulator.add([Tensor([7, 8, 9])])
    #expect(try accumulator.gradients == [Tensor([7, 8, 9])])
    #expect(try accumulator.gradients[0]!.memory == memory)
  }

  @Test func `Sums that were read don't change later`() throws {
    let accumulator = GradientAccumulator([Parameter("p", Tensor(zeros: [2]))])
    try accumulator.add([Tensor([1, 2])])
    let sums = try accumulator.gradients
    try accumulator.add([Tensor([1, 2])])
    accumulator.reset()
    try accumulator.add([Tensor([5, 5])])
    #expect(sums == [Tensor([1, 2])])
  }

  // MARK: Errors

  @Test func `Errors that the reference has too use its words`() throws {
    let accumulator = GradientAccumulator(["a", "b"].map { Parameter($0, Tensor(zeros: [2])) })
    let notCalled = #expect(throws: GradientAccumulatorError.self) { try accumulator.gradients }
    #expect(
      notCalled!.description.hasPrefix("The accumulator should be called first to initialize the gradients"))
    let count = #expect(throws: GradientAccumulatorError.self) { try accumulator.add([Tensor([1, 1])]) }
    #expect(count!.description.hasPrefix("Expected 2 gradients, but got 1"))
  }

  @Test func `An error does not change sums, step and gradients`() throws {
    let (first, second) = (Parameter("first", Tensor(zeros: [2])), Parameter("second", Tensor(zeros: [3])))
    let accumulator = GradientAccumulator([first, second])
    try accumulator.add([Tensor([1, 2]), nil])
    first.gradient = Tensor([1, 1])
    second.gradient = Tensor([1, 1])
    #expect(throws: GradientAccumulatorError.gradientShape(parameter: "second", expected: [3], given: [2])) {
      try accumulator.add()
    }
    for weight in [-1, .nan, .infinity] {
      #expect(throws: GradientAccumulatorError.self) { try accumulator.add(weight: weight) }
      #expect(throws: GradientAccumulatorError.self) { try accumulator.add(tokenCount: weight) }
    }
    #expect(try accumulator.gradients == [Tensor([1, 2]), nil])
    #expect((accumulator.step, accumulator.totalWeight) == (1, 1))
    #expect(first.gradient == Tensor([1, 1]))
  }

  @Test func `An applied window accepts no more gradients`() throws {
    let parameter = Parameter("p", Tensor(zeros: [2]))
    let accumulator = GradientAccumulator([parameter])
    try accumulator.add([Tensor([1, 2])])
    try accumulator.apply()
    #expect(throws: GradientAccumulatorError.applied) { try accumulator.add() }
    #expect(parameter.gradient == Tensor([1, 2]))
  }

  @Test func `A window can be applied only once, because a second time would undo the clipping`() throws {
    let parameter = Parameter("p", Tensor(ones: [4]))
    let accumulator = GradientAccumulator([parameter])
    parameter.gradient = Tensor(repeating: 10, shape: [4])
    try accumulator.add()
    try accumulator.apply()
    try [parameter].clipGradientNorm(maxNorm: 1)
    let scale = parameter.gradientScale
    #expect(scale < 0.1)
    #expect(throws: GradientAccumulatorError.applied) { try accumulator.apply() }
    #expect(parameter.gradientScale == scale)
    accumulator.reset()
    parameter.gradient = Tensor(repeating: 10, shape: [4])
    try accumulator.add()
    try accumulator.apply()
    #expect(parameter.gradientScale == 1)
  }
}

import Optimizers
import Tensors
import TestSupport
import Testing

/// Accumulation, loss scale and clipping together: every order gives the one correct gradient, or is refused.
@Suite struct TrainingOrderTests {
  enum Operation: CaseIterable { case apply, unscale, clip }

  static let orders: [[Operation]] = Operation.allCases.flatMap { first in
    Operation.allCases.filter { $0 != first }.map { second in
      [first, second] + Operation.allCases.filter { $0 != first && $0 != second }
    }
  }

  private static let shapes: [Shape] = [[9, 14], [2, 3, 5], [11]]
  private static let weights = [3.0, 20, 1]
  private static let lossScale = 512.0
  private static let maximum = 0.125

  /// The gradients of each micro-batch's mean loss, times the loss scale.
  private static let microBatches = weights.indices.map { batch in
    shapes.indices.map { GradientOracle.gradient(shapes[$0], 10 * batch + $0) * lossScale }
  }

  /// The result of every permitted order, in Double, with the magnitude of the terms of each element.
  private static let expected: [(values: [Double], magnitudes: [Double])] = {
    let averages = shapes.indices.map { index in
      let sum = GradientOracle.weightedSum(microBatches.map { $0[index] }, weights: weights)
      let divisor = lossScale * weights.reduce(0, +)
      return (values: sum.values.map { $0 / divisor }, magnitudes: sum.magnitudes.map { $0 / divisor })
    }
    let coefficient = min(1, maximum / (GradientOracle.norm(averages.flatMap(\.values)) + 1e-6))
    return averages.map { ($0.values.map { $0 * coefficient }, $0.magnitudes.map { $0 * coefficient }) }
  }()

  private func parameters() -> [Parameter] {
    Self.shapes.enumerated().map { Parameter("p\($0)", GradientOracle.gradient($1, 100 + $0)) }
  }

  private func compare(_ parameters: [Parameter]) {
    // Seven roundings of the sums, and the error of a norm from chunks of 515 squares.
    let norm = 515 * GradientOracle.floatRoundoff
    for (parameter, expected) in zip(parameters, Self.expected) {
      #expect(
        agree(parameter.effectiveGradient!, expected.values) {
          7 * GradientOracle.floatRoundoff * expected.magnitudes[$0] + norm * abs(expected.values[$0])
        })
    }
  }

  @Test(arguments: orders, Backend.available)
  func `Every order is correct or refused`(order: [Operation], backend: Backend) throws {
    let parameters = parameters()
    let before = parameters.map(\.value)
    let optimizer = try Adafactor(parameters, backend: backend)
    let accumulator = GradientAccumulator(parameters, backend: backend)
    let scaler = try LossScaler(.init(scale: Self.lossScale), backend: backend)
    for (gradients, weight) in zip(Self.microBatches, Self.weights) {
      for (parameter, gradient) in zip(parameters, gradients) { parameter.gradient = gradient }
      try accumulator.add(weight: weight)
    }
    func loop() throws {
      for operation in order {
        switch operation {
        case .apply: try accumulator.apply()
        case .unscale: try scaler.unscale(parameters)
        case .clip: try parameters.clipGradientNorm(maxNorm: Self.maximum, backend: backend)
        }
      }
      try scaler.step(parameters) { try optimizer.step() }
    }
    if order == [.apply, .unscale, .clip] {
      try loop()
      compare(parameters)
      #expect(zip(parameters, before).allSatisfy { $0.value != $1 })
    } else {
      #expect(throws: (any Error).self) { try loop() }
      #expect(zip(parameters, before).allSatisfy { $0.value == $1 })
    }
  }

  @Test func `Micro-batches are unscaled together, not one by one`() throws {
    let parameters = parameters()
    let accumulator = GradientAccumulator(parameters)
    let scaler = try LossScaler(.init(scale: Self.lossScale))
    for (index, gradients) in Self.microBatches.enumerated() {
      for (parameter, gradient) in zip(parameters, gradients) { parameter.gradient = gradient }
      if index == 0 {
        try scaler.unscale(parameters)
        try accumulator.add()
      } else {
        #expect(throws: LossScalerError.alreadyUnscaled(parameter: "p0")) { try scaler.unscale(parameters) }
      }
    }
  }

  @Test func `Micro-batches that were clipped with their loss scale are refused`() throws {
    let parameters = parameters()
    let accumulator = GradientAccumulator(parameters)
    let scaler = try LossScaler(.init(scale: Self.lossScale))
    for gradients in Self.microBatches {
      for (parameter, gradient) in zip(parameters, gradients) { parameter.gradient = gradient }
      try parameters.clipGradientNorm(maxNorm: 1)
      try accumulator.add()
    }
    try accumulator.apply()
    #expect(throws: LossScalerError.clippedBeforeUnscaling(parameter: "p0")) {
      try scaler.step(parameters) {}
    }
  }

  @Test func `Without a loss scale, clipping follows apply`() throws {
    let parameters = parameters()
    let accumulator = GradientAccumulator(parameters)
    for (gradients, weight) in zip(Self.microBatches, Self.weights) {
      try accumulator.add(gradients.map { $0 / Self.lossScale }, weight: weight)
    }
    try accumulator.apply()
    try parameters.clipGradientNorm(maxNorm: Self.maximum)
    compare(parameters)
  }

  // MARK: The step

  /// Windows of micro-batches, by their tokens: equal, unequal, and with a shorter last window. Each run has two windows,
  /// because a first step of Adafactor is the same for every multiple of a gradient.
  static let runs = [[[4, 4, 4], [4, 4, 4]], [[1, 9, 2], [5, 3]], [[3, 3, 3], [3, 1]]]

  @Test(arguments: Backend.available, runs)
  func `Steps with micro-batches are the same as with the large batch`(backend: Backend, windows: [[Int]])
    throws
  {
    let shape: Shape = [24, 33]
    let initial = GradientOracle.gradient(shape, 1000)
    let (large, small) = (Parameter("large", initial), Parameter("small", initial))
    let (whole, parts) = (try Adafactor([large], backend: backend), try Adafactor([small], backend: backend))
    let accumulator = GradientAccumulator([small], backend: backend)
    var (seed, bound) = (0, [Double](repeating: 0, count: shape.elementCount))
    for window in windows {
      // Gradients of one sign, so that no sum cancels and relative errors don't grow.
      let tokens = (0..<window.reduce(0, +)).map { _ in
        seed += 1
        return Tensor(GradientOracle.gradient(shape, seed).scalars(as: Float.self).map(abs), shape: shape)
      }
      let before = large.value.scalars(as: Double.self)
      let (sum, _) = GradientOracle.weightedSum(tokens, weights: tokens.map { _ in 1 })
      large.gradient = Tensor(sum.map { Float($0 / Double(tokens.count)) }, shape: shape)
      try whole.step()

      var rest = tokens[...]
      for count in window {
        let batch = rest.prefix(count)
        rest = rest.dropFirst(count)
        small.gradient = batch.dropFirst().reduce(batch.first!, +) / Double(count)
        try accumulator.add(weight: Double(count))
      }
      try accumulator.apply()
      try parts.step()
      accumulator.reset()

      // A relative error ε of g causes 2ε in R, C and mean R, hence 4ε in u and in its RMS, which clips it:
      // 8ε. ε is one rounding per token, one for the mean, two per addition, and one for the large batch. In
      // addition there are the kernels' own roundings on both sides: 20 units for each of the sums in R, C,
      // mean R, RMS(U) and RMS(P), at half their weight.
      let ε = Double(tokens.count + 2 * window.count + 2) * GradientOracle.floatRoundoff
      let relative = 8 * ε + 2 * 50 * GradientOracle.floatRoundoff
      let theirs = large.value.scalars(as: Double.self)
      for index in bound.indices {
        #expect(theirs[index] != before[index])
        bound[index] += abs(theirs[index] - before[index]) * relative + Double(Float(abs(theirs[index])).ulp)
      }
      #expect(agree(small.value.scalars(as: Double.self), theirs) { bound[$0] }, "\(window)")
    }
  }
}

import KernelInterface
import Optimizers
import Tensors
import TestSupport
import Testing

/// Steps of AdamW compared with a plain loop in Double, and with each other if bits must agree.
@Suite struct AdamWStepTests {
  /// No elements, one element, vectors, several blocks, and tensors of several axes.
  static let shapes: [Shape] = [
    [0, 3], [], [1], [7], [33], [40_001], [130, 257], [3, 4, 5], [2, 3, 3, 3],
  ]

  static let options: [AdamW.Options] = [
    .init(),
    .init(learningRate: 0.1, beta1: 0.5, beta2: 0.9, epsilon: 1e-3, weightDecay: 0.5),
    .init(weightDecay: 0, amsgrad: true),
    .init(maximize: true),
    // BERT's options: no bias correction, and the ε of its authors.
    .init(learningRate: 1e-4, epsilon: 1e-6, biasCorrection: false),
    .init(beta1: 0, beta2: 0.99, amsgrad: true, maximize: true, biasCorrection: false),
  ]

  @Test(arguments: options, Backend.available)
  func `Twelve steps follow the formulas in Double`(
    options: AdamW.Options, backend: Backend
  ) throws {
    for type in [ScalarType.float32, .float64] {
      let parameters = Self.parameters(Self.shapes, type)
      let initial = parameters.map(\.value.doubles)
      var oracles = initial.map(AdamWOracle.init)
      let optimizer = try AdamW(parameters, options: options, backend: backend, threads: 2)
      for step in 1...12 {
        Self.setGradients(of: parameters, seed: step, as: type)
        for (index, parameter) in parameters.enumerated() {
          oracles[index].take(parameter.gradient!.doubles, options)
        }
        #expect(try optimizer.step().steppedCount == parameters.count)
      }
      for (index, parameter) in parameters.enumerated() {
        let found = oracles[index].difference(
          from: parameter, initial: initial[index], state: optimizer.state(of: parameter)!)
        #expect(found == nil, "\(parameter)")
      }
    }
  }

  @Test(arguments: Backend.available)
  func `Any number of threads gives the same bits`(backend: Backend) throws {
    func bits(threads: Int) throws -> [AdamWBits] {
      let parameters = Self.parameters(Self.shapes + [[700, 300]], .float32)
      let optimizer = try AdamW(
        parameters, options: .init(amsgrad: true), backend: backend, threads: threads)
      for step in 1...3 {
        Self.setGradients(of: parameters, seed: step, as: .float32)
        try optimizer.step()
      }
      return parameters.map { AdamWBits($0, optimizer) }
    }
    let one = try bits(threads: 1)
    for threads in [2, 3, 8] { #expect(try bits(threads: threads) == one) }
  }

  @Test(arguments: [ScalarType.bfloat16, .float16], Backend.available)
  func `A 16-bit parameter takes the Float32 step, rounded, and keeps a Float32 state`(
    type: ScalarType, backend: Backend
  ) throws {
    let narrow = Self.parameters([[1003]], type)[0]
    let wide = Parameter("wide", narrow.value.converted(to: .float32))
    let gradient = Self.gradient(of: [1003], seed: 5, as: type)
    narrow.gradient = gradient
    wide.gradient = gradient.converted(to: .float32)
    let options = AdamW.Options(learningRate: 0.05, weightDecay: 0.1)
    let optimizers = try (
      AdamW([narrow], options: options, backend: backend), AdamW([wide], options: options, backend: backend)
    )
    try optimizers.0.step()
    try optimizers.1.step()
    #expect(narrow.value.bits == wide.value.converted(to: type).bits)
    #expect(optimizers.0.state(of: narrow) == optimizers.1.state(of: wide))
    #expect(optimizers.0.state(of: narrow)?.firstMoments.scalarType == .float32)
  }

  @Test(arguments: ScalarType.allCases, Backend.available)
  func `A gradient of another type gives the same step as its values`(
    type: ScalarType, backend: Backend
  ) throws {
    for own in [ScalarType.float32, .float64] {
      let (mixed, same) = (Self.parameters([[515]], own)[0], Self.parameters([[515]], own)[0])
      mixed.gradient = Self.gradient(of: [515], seed: 2, as: .bfloat16).converted(to: type)
      same.gradient = Self.gradient(of: [515], seed: 2, as: .bfloat16).converted(to: own)
      try AdamW([mixed], backend: backend).step()
      try AdamW([same], backend: backend).step()
      #expect(mixed.value.bits == same.value.bits)
    }
  }

  @Test(arguments: Backend.available)
  func `A gradient's scale is applied in the step`(backend: Backend) throws {
    let (scaled, plain) = (Self.parameters([[515]], .float32)[0], Self.parameters([[515]], .float32)[0])
    let gradient = Self.gradient(of: [515], seed: 2, as: .float32)
    scaled.gradient = gradient
    scaled.gradientScale = 0.125
    plain.gradient = Tensor(gradient.doubles.map { $0 * 0.125 }, shape: [515], as: .float32)
    try AdamW([scaled], backend: backend).step()
    try AdamW([plain], backend: backend).step()
    #expect(scaled.value.bits == plain.value.bits)
  }

  @Test(arguments: [true, false])
  func `After a hundred thousand steps a constant gradient still moves by the rate`(
    amsgrad: Bool
  ) throws {
    // In exact arithmetic m̂ = g and v̂ = g², so each step is lr.
    let parameter = Parameter("p", Tensor(zeros: [9]))
    let options = AdamW.Options(
      learningRate: 1, beta1: 0.999, epsilon: 0, weightDecay: 0, amsgrad: amsgrad)
    let optimizer = try AdamW([parameter], options: options)
    let g = 0.3
    try optimizer.setState(
      .init(
        step: 100_000, firstMoments: Tensor(repeating: g, shape: [9]),
        secondMoments: Tensor(repeating: g * g, shape: [9])), of: parameter)
    for _ in 1...50 {
      parameter.gradient = Tensor(repeating: g, shape: [9])
      let before = parameter.value.doubles
      try optimizer.step()
      for (new, old) in zip(parameter.value.doubles, before) { #expect(abs(old - new - 1) < 1e-5) }
    }
  }

  @Test(arguments: Backend.available)
  func `Training lowers the loss of a linear model`(backend: Backend) throws {
    var numbers = TestNumbers(seed: 4)
    let inputs = (0..<64).map { _ in numbers.array(5) }
    let truth: [Float] = [0.5, -1, 2, 0, 0.25]
    let targets = inputs.map { zip($0, truth).reduce(0) { $0 + $1.0 * $1.1 } + 0.75 }
    let (weight, bias) = (Parameter("weight", Tensor(zeros: [5])), Parameter("bias", Tensor(zeros: [1])))
    let optimizer = try AdamW(
      [weight, bias], options: .init(learningRate: 0.05, weightDecay: 0), backend: backend)
    func lossAndGradients() -> Double {
      let (w, b) = (weight.value.scalars(as: Float.self), bias.value.scalars(as: Float.self)[0])
      var (loss, weightGradient, biasGradient) = (0.0, [Float](repeating: 0, count: 5), Float(0))
      for (input, target) in zip(inputs, targets) {
        let error = zip(input, w).reduce(b) { $0 + $1.0 * $1.1 } - target
        loss += Double(error * error) / 64
        for index in 0..<5 { weightGradient[index] += 2 * error * input[index] / 64 }
        biasGradient += 2 * error / 64
      }
      weight.gradient = Tensor(weightGradient)
      bias.gradient = Tensor([biasGradient])
      return loss
    }
    let first = try optimizer.step(lossAndGradients)
    var last = first
    for _ in 1...300 { last = try optimizer.step(lossAndGradients) }
    #expect(first > 1 && last < 1e-4 * first, "from \(first) to \(last)")
  }

  // MARK: Data

  static func parameters(_ shapes: [Shape], _ type: ScalarType) -> [Parameter] {
    shapes.enumerated().map { index, shape in
      var numbers = TestNumbers(seed: index)
      return Parameter(
        "\(index)", Tensor(numbers.array(shape.elementCount), shape: shape).converted(to: type))
    }
  }

  static func gradient(of shape: Shape, seed: Int, as type: ScalarType) -> Tensor {
    var numbers = TestNumbers(seed: 100 + seed)
    return Tensor(numbers.array(shape.elementCount), shape: shape).converted(to: type)
  }

  static func setGradients(of parameters: [Parameter], seed: Int, as type: ScalarType) {
    for (index, parameter) in parameters.enumerated() {
      parameter.gradient = gradient(of: parameter.value.shape, seed: 31 * index + seed, as: type)
    }
  }
}

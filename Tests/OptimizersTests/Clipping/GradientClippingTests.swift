import Optimizers
import Tensors
import Testing

/// Norms and limits of gradients.
@Suite struct GradientClippingTests {
  @Test(arguments: Backend.available, ScalarType.allCases)
  func `Norms agree with Double`(backend: Backend, type: ScalarType) throws {
    let shapes: [Shape] = [[70, 700], [3], [2, 3, 4], [2049], [0]]
    let parameters = shapes.enumerated().map { Parameter("p\($0)", Tensor(zeros: $1, as: type)) }
    for (index, parameter) in parameters.enumerated() {
      parameter.gradient = GradientOracle.gradient(parameter.value.shape, index, as: type)
      parameter.gradientScale = 1 / Double(index + 1)
    }
    let all = parameters.flatMap { $0.effectiveGradient! }
    let exact = GradientOracle.norm(all)
    let roundoff = type == .float64 ? 0x1p-53 : GradientOracle.floatRoundoff
    let norm = try parameters.gradientNorm(backend: backend)
    #expect(abs(norm - exact) <= 515 * roundoff * exact)
    #expect(try parameters.gradientNorm(.infinity, backend: backend) == all.map(abs).max())
    let sum = all.reduce(0) { $0 + abs($1) }
    #expect(abs(try parameters.gradientNorm(.p(1)) - sum) <= 1e-12 * sum)
  }

  @Test(arguments: Backend.available, [1e-30, 1e-22, 1e18, 1e30])
  func `Squares beyond Float's range do not affect a norm`(backend: Backend, size: Double) throws {
    let parameter = Parameter("p", Tensor(zeros: [3000]))
    parameter.gradient = Tensor(repeating: size, shape: [3000])
    let exact = GradientOracle.norm(parameter.effectiveGradient!)
    let norm = try [parameter].gradientNorm(backend: backend)
    #expect(abs(norm - exact) <= 515 * GradientOracle.floatRoundoff * exact)
  }

  @Test(arguments: [0x1p-1060, 1e-200, 1e-155, 1, 1e154, 1e200, 1e307])
  func `Norms are accurate over the whole range of Double`(size: Double) throws {
    let gradient = Tensor([3 * size, 0, -4 * size], shape: [3], as: .float64)
    let parameters = ["a", "b"].map { Parameter($0, Tensor(zeros: [3], as: .float64)) }
    for parameter in parameters { parameter.gradient = gradient }
    for (norm, one, two) in [
      (GradientNorm.euclidean, 5.0, 5 * 2.0.squareRoot()), (.p(2), 5, 5 * 2.0.squareRoot()), (.p(1), 7, 14),
      (.p(9), 4.0323073, 4.3551328), (.infinity, 4, 4),
    ] {
      let roundoff = size < 1e-300 ? 1e-3 : norm == .p(9) ? 1e-5 : 1e-14
      #expect(abs(try [parameters[0]].gradientNorm(norm) / size / one - 1) < roundoff)
      #expect(abs(try parameters.gradientNorm(norm) / size / two - 1) < roundoff)
    }
  }

  @Test
  func `Clipping that would set a finite gradient to 0 is an error, without changing any scale`() throws {
    let parameters = [ScalarType.float32, .float64].map {
      Parameter($0.rawValue, Tensor(zeros: [2], as: $0))
    }
    func expectVanishing(_ sizes: [Double], _ maxNorm: Double, _ name: String) throws {
      for (parameter, size) in zip(parameters, sizes) {
        parameter.gradient = Tensor([size, size], shape: [2], as: parameter.value.scalarType)
      }
      let norm = try parameters.gradientNorm()
      #expect(
        throws: GradientClippingError.vanishingScale(norm: norm, maxNorm: maxNorm, parameter: name)
      ) { try parameters.clipGradientNorm(maxNorm: maxNorm) }
      #expect(parameters.map(\.gradientScale) == [1, 1])
    }
    try expectVanishing([1, 1e200], 1, "float32")
    try expectVanishing([1e38, 1], 1e-10, "float32")
    try expectVanishing([1, 1.7e308], 1, "float32")
    parameters[0].gradient = nil
    parameters[1].gradient = Tensor([1e200, 1e200], shape: [2], as: .float64)
    try parameters.clipGradientNorm(maxNorm: 1)
    #expect(abs(parameters[1].gradientScale * 1e200 * 2.0.squareRoot() - 1) < 1e-14)
    // A limit of 0 requests zeros.
    try parameters.clipGradientNorm(maxNorm: 0)
    #expect(parameters[1].gradientScale == 0)
  }

  @Test func `Clipping by norm changes the scale and no element`() throws {
    let parameters = [Parameter("a", Tensor(zeros: [2])), Parameter("b", Tensor(zeros: [1]))]
    parameters[0].gradient = Tensor([6, 0])
    parameters[0].gradientScale = 0.5
    parameters[1].gradient = Tensor([4])
    #expect(try parameters.clipGradientNorm(maxNorm: 1) == 5)
    #expect(parameters.map(\.gradient) == [Tensor([6, 0]), Tensor([4])])
    #expect(parameters.map(\.gradientScale) == [0.5 / 5.000001, 1 / 5.000001])
    // A norm within the limit is not scaled up.
    let scales = parameters.map(\.gradientScale)
    try parameters.clipGradientNorm(maxNorm: 1.5)
    #expect(parameters.map(\.gradientScale) == scales)
  }

  @Test func `A limit for each parameter does not change small gradients`() throws {
    let parameters = [Parameter("a", Tensor(zeros: [2])), Parameter("b", Tensor(zeros: [2]))]
    parameters[0].gradient = Tensor([3, 4])
    parameters[1].gradient = Tensor([0.3, 0.4])
    let norms = try parameters.map { try $0.clipGradientNorm(maxNorm: 1) }
    #expect(norms[0] == 5 && abs(norms[1] - 0.5) < 1e-7)
    #expect(parameters.map(\.gradientScale) == [1 / 5.000001, 1])
  }

  @Test(arguments: ScalarType.allCases)
  func `Values are limited as the step sees them`(type: ScalarType) throws {
    let parameter = Parameter("p", Tensor(zeros: [6], as: type))
    let original = Tensor([-4, -2, -0.5, 0.5, 4, .nan]).converted(to: type)
    parameter.gradient = original
    parameter.gradientScale = -0.25
    try [parameter].clipGradientValues(maxValue: 0.5)
    #expect(parameter.gradientScale == -0.25)
    let clipped = parameter.gradient!.scalars(as: Double.self)
    #expect(clipped.dropLast() == [-2, -2, -0.5, 0.5, 2] && clipped[5].isNaN)
    // Other tensors that share the memory keep their values.
    #expect(original.scalars(as: Double.self).dropLast() == [-4, -2, -0.5, 0.5, 4])
  }

  @Test func `A parameter that is listed twice counts twice, and the ones after it are not affected`() throws
  {
    let (twice, once) = (Parameter("twice", Tensor(zeros: [1])), Parameter("once", Tensor(zeros: [1])))
    twice.gradient = Tensor([2])
    once.gradient = Tensor([1])
    #expect(try [twice, twice, once].gradientNorm() == 3)
  }

  @Test func `A maximum of infinity only measures`() throws {
    let parameter = Parameter("p", Tensor(zeros: [2]))
    parameter.gradient = Tensor([.infinity, 1])
    #expect(try [parameter].clipGradientNorm(maxNorm: .infinity) == .infinity)
    #expect(parameter.gradientScale == 1)
  }

  @Test(arguments: Backend.available)
  func `The number of threads changes no bit of a norm`(backend: Backend) throws {
    let parameters = [[5, 16384], [3], [40_001]].enumerated().map { index, dimensions in
      Parameter("p\(index)", Tensor(zeros: Shape(dimensions)))
    }
    func norm(_ norm: GradientNorm, threads: Int) throws -> Double {
      for (index, parameter) in parameters.enumerated() {
        parameter.gradient = GradientOracle.gradient(parameter.value.shape, index)
      }
      return try parameters.gradientNorm(norm, backend: backend, threads: threads)
    }
    for kind in [GradientNorm.euclidean, .infinity, .p(3)] {
      let single = try norm(kind, threads: 1)
      for threads in [2, 5] { #expect(try norm(kind, threads: threads) == single) }
    }
  }

  // MARK: Reads

  /// Writes without the library's knowledge, so that any later read of the gradient sees NaN.
  private func poison(_ parameter: Parameter) {
    let memory = UnsafeMutableRawPointer(mutating: parameter.gradient!.memory)
    memory.storeBytes(of: .nan, as: Float.self)
  }

  @Test func `A gradient that was accumulated, checked or measured is not read again`() throws {
    let parameter = Parameter("p", Tensor(zeros: [2]))
    let accumulator = GradientAccumulator([parameter])
    try accumulator.add([Tensor([3, 4])])
    try accumulator.apply()
    poison(parameter)
    #expect(try [parameter].clipGradientNorm(maxNorm: 10) == 5)

    let scaler = try LossScaler(.init(scale: 2))
    parameter.gradient = Tensor([6, 8])
    try scaler.unscale([parameter])
    poison(parameter)
    #expect(try [parameter].gradientNorm() == 5)

    parameter.gradient = Tensor([6, 8])
    #expect(try [parameter].gradientNorm() == 10)
    poison(parameter)
    #expect(try [parameter].gradientNorm() == 10)
  }

  @Test func `A gradient that was written to is read again`() throws {
    let parameter = Parameter("p", Tensor(zeros: [2]))
    parameter.gradient = Tensor([3, 4])
    #expect(try [parameter].gradientNorm() == 5)
    parameter.gradient![0] = 0
    #expect(try [parameter].gradientNorm() == 4)

    // The caller's memory may be written at any time.
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: 2)
    memory.update(repeating: 0, count: 2)
    parameter.gradient = Tensor(bytesNoCopy: memory, shape: [2], as: .float32) {
      [address = UInt(bitPattern: memory)] in
      UnsafeMutablePointer<Float>(bitPattern: address)!.deallocate()
    }
    #expect(try [parameter].gradientNorm() == 0)
    memory[1] = 2
    #expect(try [parameter].gradientNorm() == 2)
  }

  // MARK: Errors

  @Test func `Settings out of range are refused`() throws {
    let parameter = Parameter("p", Tensor(zeros: [2]))
    parameter.gradient = Tensor([3, 4])
    for maximum in [-1, .nan] {
      #expect(throws: GradientClippingError.self) { try [parameter].clipGradientNorm(maxNorm: maximum) }
      #expect(throws: GradientClippingError.self) { try [parameter].clipGradientValues(maxValue: maximum) }
    }
    for order in [0, -2, .infinity, .nan] {
      #expect(throws: GradientClippingError.self) {
        try [parameter].clipGradientNorm(maxNorm: 1, norm: .p(order))
      }
      #expect(throws: GradientClippingError.self) { try [parameter].gradientNorm(.p(order)) }
    }
    #expect(parameter.effectiveGradient == [3, 4])
  }

  @Test func `Clipping without gradients is refused, because they may still be in an accumulator`() throws {
    let parameter = Parameter("p", Tensor(zeros: [2]))
    let accumulator = GradientAccumulator([parameter])
    try accumulator.add([Tensor([3, 4])])
    #expect(throws: GradientClippingError.noGradients) { try [parameter].clipGradientNorm(maxNorm: 1) }
    #expect(throws: GradientClippingError.noGradients) { try [parameter].clipGradientValues(maxValue: 1) }
    #expect(try [parameter].gradientNorm() == 0)
  }

  @Test func `A norm that is not finite can be an error that names the parameter`() throws {
    let parameters = ["good", "bad"].map { Parameter($0, Tensor(zeros: [2])) }
    parameters[0].gradient = Tensor([1, 1])
    parameters[1].gradient = Tensor([1, -.infinity])
    #expect(throws: GradientClippingError.nonFiniteNorm(norm: .infinity, parameter: "bad")) {
      try parameters.clipGradientNorm(maxNorm: 1, errorIfNonFinite: true)
    }
    #expect(parameters.map(\.gradientScale) == [1, 1])
  }
}

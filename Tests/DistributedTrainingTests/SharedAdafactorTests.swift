import Backends
import Optimizers
import Tensors
import Testing

/// Adafactor on shared parameters: the bits of one process, on any number of ranks.
@Suite struct SharedAdafactorTests {
  @Test(arguments: Backend.available)
  func `Relative steps with the default options`(backend: Backend) throws {
    try SharedTraining(rule: AdafactorOptions(), shapes: sharedShapes, backend: backend).expectSameBits(
      ranks: [1, 2, 3, 4, 8])
  }

  @Test(arguments: Backend.available)
  func `Momentum, weight decay, a constant rate and clipped updates`(backend: Backend) throws {
    let options = AdafactorOptions(
      learningRate: .constant(1e-2), clipThreshold: 0.1, beta1: 0.9, weightDecay: 0.1)
    try SharedTraining(rule: options, backend: backend).expectSameBits()
  }

  @Test func `Warmup, no parameter scale, other constants`() throws {
    let options = AdafactorOptions(
      learningRate: .relative(warmupInit: true), squaredGradientEpsilon: 1e-8, decayRate: -0.5,
      scaleParameter: false)
    try SharedTraining(rule: options).expectSameBits()
  }

  @Test(arguments: [ScalarType.bfloat16, .float16], Rounding.allCases)
  func `16-bit parameters in every rounding mode`(type: ScalarType, rounding: Rounding) throws {
    let options = AdafactorOptions(beta1: 0.5, rounding: rounding, roundingSeed: 7)
    try SharedTraining(rule: options, type: type, stepCount: 2).expectSameBits()
  }

  @Test func `Float64 parameters, and gradients of another type`() throws {
    try SharedTraining(rule: AdafactorOptions(), type: .float64).expectSameBits(ranks: [4])
    try SharedTraining(rule: AdafactorOptions(), gradientType: .bfloat16).expectSameBits(ranks: [4])
  }

  @Test(arguments: NonFinitePolicy.allCases)
  func `A NaN or an infinity on one rank is seen by all`(policy: NonFinitePolicy) throws {
    let training = SharedTraining(
      rule: AdafactorOptions(), policy: policy, stepCount: 4,
      faults: [(1, 1, 29_999, .nan), (1, 0, 12, .infinity), (2, 4, 3, -.infinity), (2, 2, 30_000, .nan)])
    try training.expectSameBits()
  }

  @Test func `Gradients whose squares are subnormal or overflow`() throws {
    for scale: Float in [1e-21, 3e-19, 1e18] {
      let options = AdafactorOptions(squaredGradientEpsilon: 0)
      try SharedTraining(rule: options, stepCount: 2, scale: scale).expectSameBits(ranks: [3])
    }
    // A few rows of tiny gradients, which only some ranks have.
    let faults = (0..<200).map { (step: 1, tensor: 1, element: $0, value: 1e-23) }
    try SharedTraining(rule: AdafactorOptions(squaredGradientEpsilon: 0), stepCount: 3, faults: faults)
      .expectSameBits(ranks: [3])
  }

  @Test(arguments: [NonFinitePolicy.skipParameter, .throwError, .propagate])
  func `Rates and decays that make parameters infinite`(policy: NonFinitePolicy) throws {
    let rate = AdafactorOptions(learningRate: .constant(3e38), scaleParameter: false)
    try SharedTraining(rule: rate, policy: policy, stepCount: 2).expectSameBits(ranks: [3])
    let decay = AdafactorOptions(learningRate: .constant(1), weightDecay: 3e38)
    try SharedTraining(rule: decay, type: .float32, policy: policy, stepCount: 2).expectSameBits(ranks: [3])
    let half = AdafactorOptions(learningRate: .constant(4e4), scaleParameter: false)
    try SharedTraining(rule: half, type: .float16, policy: policy, stepCount: 2).expectSameBits(ranks: [3])
  }
}

import Backends
import DistributedTraining
import Optimizers
import Tensors
import Testing

/// AdamW and rules on elements on shared parameters.
@Suite struct SharedElementwiseTests {
  @Test(arguments: Backend.available)
  func `AdamW with every option`(backend: Backend) throws {
    try SharedTraining(rule: AdamWOptions(), shapes: sharedShapes, backend: backend).expectSameBits(ranks: [
      1, 2, 3, 4, 8,
    ])
    var options = AdamWOptions()
    (options.amsgrad, options.weightDecay, options.maximize) = (true, 0.1, true)
    try SharedTraining(rule: options, backend: backend).expectSameBits(ranks: [2, 3])
  }

  @Test(arguments: [ScalarType.bfloat16, .float16], Rounding.allCases)
  func `AdamW on 16-bit parameters in every rounding mode`(type: ScalarType, rounding: Rounding) throws {
    var options = AdamWOptions()
    (options.rounding, options.roundingSeed) = (rounding, 3)
    try SharedTraining(rule: options, type: type, stepCount: 2).expectSameBits()
  }

  @Test(arguments: NonFinitePolicy.allCases)
  func `AdamW sees a NaN of any rank`(policy: NonFinitePolicy) throws {
    let training = SharedTraining(
      rule: AdamWOptions(), policy: policy, stepCount: 3,
      faults: [(1, 1, 29_999, .nan), (2, 0, 5, .infinity)])
    try training.expectSameBits(ranks: [2, 3])
  }

  @Test func `Lion and SGD`() throws {
    try SharedTraining(rule: LionOptions(), policy: .skipStep, faults: [(1, 2, 30_000, .nan)])
      .expectSameBits(ranks: [3])
    var options = SGDOptions()
    options.rounding = .stochastic
    try SharedTraining(rule: options, type: .bfloat16, stepCount: 2).expectSameBits(ranks: [3])
  }
}

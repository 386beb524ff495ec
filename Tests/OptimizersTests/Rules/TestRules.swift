import Optimizers
import Tensors

/// SGD with momentum on tensors: m ← μ m + g, P ← P − lr·weightDecay·P − lr·m.
struct MomentumRule: UpdateRule {
  static let name = "test_momentum"
  var learningRate = 0.1
  var weightDecay = 0.0
  var momentum = 0.9

  func initialState(shape: Shape, scalarType: ScalarType) -> MomentState {
    MomentState(["momentum": Tensor(zeros: shape, as: scalarType)])
  }

  func update(_ parameter: inout Tensor, gradient: Tensor, state: inout MomentState) {
    state["momentum"] = state["momentum"] * momentum + gradient
    parameter -= (parameter * weightDecay + state["momentum"]) * learningRate
  }
}

/// P ← P − lr·G on tensors, with an option for the rounding of 16-bit parameters.
struct RoundedTensorRule: RoundedRule {
  static let name = "test_rounded_tensor"
  var learningRate = 0.1
  var weightDecay = 0.0
  var rounding = Rounding.nearest
  var roundingSeed: UInt64 = 0

  func update(_ parameter: inout Tensor, gradient: Tensor, state: inout MomentState) {
    parameter -= gradient * learningRate
  }
}

/// `MomentumRule` as an elementwise rule.
struct ElementwiseMomentumRule: ElementwiseRule {
  static let name = "test_elementwise_momentum"
  static let momentNames = ["momentum"]
  var learningRate = 0.1
  var weightDecay = 0.0
  var momentum = 0.9
  var rounding = Rounding.nearest
  var roundingSeed: UInt64 = 0

  func update<Scalar: BinaryFloatingPoint>(_ block: ElementBlock<Scalar>, step: Int) {
    let m = block.moments[0]
    for i in block.indices {
      m[i] = Scalar(momentum) * m[i] + block.gradient[i]
      let p = block.parameter[i]
      block.parameter[i] = p - Scalar(learningRate) * (Scalar(weightDecay) * p + m[i])
    }
  }
}

/// One parameter of either rule, in Double.
struct MomentumOracle {
  var parameter: [Double]
  var momentum: [Double]
  var rule: MomentumRule

  init(_ parameter: Tensor, _ rule: MomentumRule) {
    self.parameter = parameter.scalars(as: Double.self)
    momentum = self.parameter.map { _ in 0 }
    self.rule = rule
  }

  mutating func step(_ gradient: Tensor, scale: Double = 1) {
    let g = gradient.scalars(as: Double.self)
    for i in g.indices {
      momentum[i] = rule.momentum * momentum[i] + scale * g[i]
      parameter[i] -= rule.learningRate * (rule.weightDecay * parameter[i] + momentum[i])
    }
  }
}

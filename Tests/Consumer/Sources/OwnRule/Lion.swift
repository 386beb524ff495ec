import Optimizers
import Tensors

/// Lion: P ← P − lr · weightDecay · P − lr · sign(β₁ M + (1 − β₁) G), then M ← β₂ M + (1 − β₂) G.
///
/// Reference: Chen et al., "Symbolic Discovery of Optimization Algorithms" (2023), arXiv:2302.06675.
struct Lion: UpdateRule {
  static let name = "lion"
  var learningRate = 1e-4
  var weightDecay = 0.0
  var beta1 = 0.9
  var beta2 = 0.99

  func initialState(shape: Shape, scalarType: ScalarType) -> MomentState {
    MomentState(["exp_avg": Tensor(zeros: shape, as: scalarType)])
  }

  func update(_ parameter: inout Tensor, gradient: Tensor, state: inout MomentState) {
    let direction = (state["exp_avg"] * beta1 + gradient * (1 - beta1)).sign()
    parameter -= (parameter * weightDecay + direction) * learningRate
    state["exp_avg"].formMovingAverage(of: gradient, decay: beta2)
  }
}

/// Lion as an elementwise rule: the engine runs it on blocks and on all threads, and rounds 16-bit parameters.
struct ElementwiseLion: ElementwiseRule {
  static let name = "elementwise_lion"
  static let momentNames = ["exp_avg"]
  var learningRate = 1e-4
  var weightDecay = 0.0
  var beta1 = 0.9
  var beta2 = 0.99
  var rounding = Rounding.nearest
  var roundingSeed: UInt64 = 0

  func update<Scalar: BinaryFloatingPoint>(_ block: ElementBlock<Scalar>, step: Int) {
    let (p, g, m) = (block.parameter, block.gradient, block.moments[0])
    let (rate, decay) = (Scalar(learningRate), Scalar(weightDecay))
    let (old1, new1, old2, new2) = (Scalar(beta1), Scalar(1 - beta1), Scalar(beta2), Scalar(1 - beta2))
    for i in block.indices {
      let average = old1 * m[i] + new1 * g[i]
      // Written so that NaN is kept.
      let sign: Scalar = average > 0 ? 1 : average < 0 ? -1 : average
      p[i] -= rate * (decay * p[i] + sign)
      m[i] = old2 * m[i] + new2 * g[i]
    }
  }
}

/// The options that this program changes in both variants.
protocol LionOptions: UpdateRule where State == MomentState, LearningRate == Double {
  var beta1: Double { get set }
  var beta2: Double { get set }
}

extension Lion: LionOptions {}
extension ElementwiseLion: LionOptions {}

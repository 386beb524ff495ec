import Tensors

extension AdamW: RestorableOptimizer {
  /// `adamw`.
  public static var name: String { "adamw" }
}

extension AdamW.Options {
  /// These options with the learning rate and the weight decay of others.
  public func withScheduledValues(of other: Self) -> Self {
    var options = self
    options.learningRate = other.learningRate
    options.weightDecay = other.weightDecay
    return options
  }
}

extension AdamW.State: OptimizerParameterState {
  /// Torch's names of m, v and the largest v.
  public static var tensorNames: [String] { ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] }

  /// AdamW keeps no number beside its step.
  public static var numberNames: [String] { [] }

  /// A state of these parts; a missing average is an empty tensor, which ``check(parameter:shape:scalarType:)`` refuses.
  public init(step: Int, tensors: [String: Tensor], numbers: [String: Double]) {
    let missing = Tensor(zeros: [0])
    self.init(
      step: step, firstMoments: tensors["exp_avg"] ?? missing,
      secondMoments: tensors["exp_avg_sq"] ?? missing,
      maximum: tensors["max_exp_avg_sq"])
  }

  /// The moments that there are.
  public var tensors: [String: Tensor] {
    var tensors = ["exp_avg": firstMoments, "exp_avg_sq": secondMoments]
    tensors["max_exp_avg_sq"] = maximum
    return tensors
  }

  /// None.
  public var numbers: [String: Double] { [:] }
}

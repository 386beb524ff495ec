import Tensors

extension AdamW: RestorableOptimizer {
  /// `adamw`.
  public static var name: String { "adamw" }
}

extension AdamW.Options: OptimizerOptions {
  /// These options with the rate and the weight decay of others.
  public func withScheduledValues(of other: Self) -> Self {
    var options = self
    options.learningRate = other.learningRate
    options.weightDecay = other.weightDecay
    return options
  }
}

extension AdamW.State: OptimizerParameterState {
  /// Torch's names of m, v and its maximum; and the residual's, which torch does not have.
  public static var tensorNames: [String] { ["exp_avg", "exp_avg_sq", "max_exp_avg_sq", residualName] }

  /// None: the step is all that there is beside the moments.
  public static var numberNames: [String] { [] }

  /// A state of these parts.
  public init(step: Int, tensors: [String: Tensor], numbers: [String: Double]) {
    // Moments that are missing have no elements, which `check` refuses for the parameter that they belong to.
    let missing = Tensor(zeros: [0])
    self.init(
      step: step, firstMoments: tensors["exp_avg"] ?? missing,
      secondMoments: tensors["exp_avg_sq"] ?? missing,
      maximum: tensors["max_exp_avg_sq"], residual: tensors[Self.residualName])
  }

  /// The moments and the residual that there are.
  public var tensors: [String: Tensor] {
    var tensors = ["exp_avg": firstMoments, "exp_avg_sq": secondMoments]
    tensors["max_exp_avg_sq"] = maximum
    tensors[Self.residualName] = residual
    return tensors
  }

  /// None.
  public var numbers: [String: Double] { [:] }
}

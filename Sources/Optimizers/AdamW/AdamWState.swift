import Tensors

/// What ``AdamW`` remembers of one parameter between steps: two numbers for each of its elements.
///
/// Numbers are Float32, or Float64 for Float64 parameters. Torch's names stand in brackets.
public struct AdamWState: ParameterState, Equatable {
  /// t, the number of steps taken [`step`].
  public var step: Int

  /// m, the average of gradients [`exp_avg`].
  public internal(set) var firstMoments: Tensor

  /// v, the average of squared gradients [`exp_avg_sq`].
  public internal(set) var secondMoments: Tensor

  /// The largest v so far, with `amsgrad` [`max_exp_avg_sq`].
  public internal(set) var maximum: Tensor?

  /// What rounding lost, of a 16-bit parameter with ``Rounding/compensated``, in the parameter's type [`residual`].
  public internal(set) var residual: Tensor?

  /// The state before the first step of a parameter.
  ///
  /// - Parameters:
  ///   - shape: The parameter's shape.
  ///   - scalarType: The parameter's type.
  ///   - hasMaximum: Whether the largest second moments are kept.
  public init(shape: Shape, scalarType: ScalarType, hasMaximum: Bool) {
    let zeros = { Tensor(zeros: shape, as: scalarType.arithmeticType) }
    self.init(
      step: 0, firstMoments: zeros(), secondMoments: zeros(), maximum: hasMaximum ? zeros() : nil)
  }

  /// A state from elsewhere: a checkpoint, or torch.
  public init(
    step: Int, firstMoments: Tensor, secondMoments: Tensor, maximum: Tensor? = nil, residual: Tensor? = nil
  ) {
    self.step = step
    self.firstMoments = firstMoments
    self.secondMoments = secondMoments
    self.maximum = maximum
    self.residual = residual
  }
}

// MARK: Parts

extension AdamWState {
  /// Torch's names of m, v and its maximum; and the residual's, which torch does not have.
  public static var tensorNames: [String]? { ["exp_avg", "exp_avg_sq", "max_exp_avg_sq", residualName] }

  /// None: the step is all that there is in addition to the tensors.
  public static var numberNames: [String] { [] }

  /// A state of these parts.
  public init(step: Int, tensors: [String: Tensor], numbers: [String: Double]) {
    // Moments that are missing have no elements, which the rule refuses for the parameter that they belong to.
    let missing = Tensor(zeros: [0])
    self.init(
      step: step, firstMoments: tensors["exp_avg"] ?? missing,
      secondMoments: tensors["exp_avg_sq"] ?? missing,
      maximum: tensors["max_exp_avg_sq"], residual: tensors[residualName])
  }

  /// The moments and the residual that there are.
  public var tensors: [String: Tensor] {
    var tensors = ["exp_avg": firstMoments, "exp_avg_sq": secondMoments]
    tensors["max_exp_avg_sq"] = maximum
    tensors[residualName] = residual
    return tensors
  }

  /// None.
  public var numbers: [String: Double] { [:] }
}

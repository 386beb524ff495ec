import Tensors

/// The state of one parameter of ``AdamW``: two numbers per element.
///
/// Numbers are Float32, or Float64 for Float64 parameters. Torch's names are in brackets.
public struct AdamWState: ParameterState, Equatable {
  /// t, the number of steps taken [`step`].
  public var step: Int

  /// m, the first moment: the average of gradients [`exp_avg`].
  public internal(set) var firstMoments: Tensor

  /// v, the second moment: the average of squared gradients [`exp_avg_sq`].
  public internal(set) var secondMoments: Tensor

  /// The largest v so far, with `amsgrad` [`max_exp_avg_sq`].
  public internal(set) var maximum: Tensor?

  /// The rounding error of a 16-bit parameter with ``Rounding/compensated``, in the parameter's type [`residual`].
  public internal(set) var residual: Tensor?

  var valueCheck = ValueCheck()

  /// Creates the state before the first step of a parameter.
  ///
  /// - Parameters:
  ///   - shape: The parameter's shape.
  ///   - scalarType: The parameter's type.
  ///   - hasMaximum: Whether the state includes the largest second moments.
  public init(shape: Shape, scalarType: ScalarType, hasMaximum: Bool) {
    let zeros = { Tensor(zeros: shape, as: scalarType.arithmeticType) }
    self.init(
      step: 0, firstMoments: zeros(), secondMoments: zeros(), maximum: hasMaximum ? zeros() : nil)
    valueCheck.isDone = true
  }

  /// Creates a state from its parts, such as the parts of a checkpoint or of torch.
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
  /// Torch's names of m, v and its maximum, and the name of the residual, which torch does not have.
  public static var tensorNames: [String]? { ["exp_avg", "exp_avg_sq", "max_exp_avg_sq", residualName] }

  /// No names: the step is the only number.
  public static var numberNames: [String] { [] }

  /// Creates a state from named parts. 16-bit moments are widened.
  public init(step: Int, tensors: [String: Tensor], numbers: [String: Double]) {
    // Missing moments have no elements. The rule refuses them when it checks the parameter's state.
    let missing = Tensor(zeros: [0])
    self.init(
      step: step, firstMoments: (tensors["exp_avg"] ?? missing).widened,
      secondMoments: (tensors["exp_avg_sq"] ?? missing).widened,
      maximum: tensors["max_exp_avg_sq"]?.widened, residual: tensors[residualName])
  }

  /// The moments and the residual that exist.
  public var tensors: [String: Tensor] {
    var tensors = ["exp_avg": firstMoments, "exp_avg_sq": secondMoments]
    tensors["max_exp_avg_sq"] = maximum
    tensors[residualName] = residual
    return tensors
  }

  /// No numbers.
  public var numbers: [String: Double] { [:] }
}

import Tensors

/// The state of one parameter of ``ScheduleFreeAdamW``: two numbers per element, and the mode.
///
/// Tensors are Float32, or Float64 for Float64 parameters. schedulefree's names are in brackets. Its numbers belong to a
/// group; here each parameter has its own.
public struct ScheduleFreeAdamWState: ParameterState, Equatable {
  /// The names of tensors: `z` and `exp_avg_sq`, `y` in evaluation mode, and the residual of a rounding.
  public static var tensorNames: [String]? { ["z", "exp_avg_sq", "y", residualName] }
  /// The names of numbers.
  public static var numberNames: [String] { ["weight_sum", "lr_max", "train_mode"] }

  var moments: MomentState

  /// W, the sum of the weights of all steps in the average x [`weight_sum`].
  public internal(set) var weightSum: Double

  /// The largest learning rate so far, or −1 before the first step [`lr_max`].
  public internal(set) var largestRate: Double

  /// 1 if the parameter holds its training weights y, 0 if it holds its evaluation weights x [`train_mode`].
  private var trainMode: Double

  /// Whether the parameter holds its training weights y; otherwise it holds its evaluation weights x.
  public internal(set) var isTraining: Bool {
    get { trainMode == 1 }
    set { trainMode = newValue ? 1 : 0 }
  }

  /// Creates the state before the first step of a parameter, which sets z to the parameter.
  public init(shape: Shape, scalarType: ScalarType) {
    let zeros = Tensor(zeros: shape, as: scalarType.arithmeticType)
    self.init(
      step: 0, tensors: ["z": zeros, "exp_avg_sq": zeros],
      numbers: ["weight_sum": 0, "lr_max": -1, "train_mode": 1])
  }

  /// Creates a state from named parts. Steps and `restore` refuse a state if one of the numbers is missing.
  public init(step: Int, tensors: [String: Tensor], numbers: [String: Double]) {
    moments = MomentState(step: step, tensors: tensors, numbers: [:])
    weightSum = numbers["weight_sum"] ?? .nan
    largestRate = numbers["lr_max"] ?? .nan
    trainMode = numbers["train_mode"] ?? .nan
  }

  /// The number of steps taken.
  public var step: Int {
    get { moments.step }
    set { moments.step = newValue }
  }

  /// z, the average of squared gradients, and, if they exist, y and the residual.
  public var tensors: [String: Tensor] { moments.tensors }

  /// W, the largest learning rate and the mode.
  public var numbers: [String: Double] {
    ["weight_sum": weightSum, "lr_max": largestRate, "train_mode": trainMode]
  }
}

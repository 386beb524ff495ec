import Tensors

/// A state with tensors that are averages: they are finite, and not negative if they average squares.
///
/// Any other state comes from a training run that had diverged, or from a damaged file. No gradient can repair it.
protocol AveragingState: ParameterState {
  /// The names of the tensors that average squares.
  static var squareNames: Set<String> { get }

  /// Whether the values have been checked, or come from steps that started at zero.
  var valueCheck: ValueCheck { get set }
}

/// A mark on a state whose values need no check. It doesn't affect whether states are equal.
struct ValueCheck: Equatable {
  var isDone = false

  static func == (left: Self, right: Self) -> Bool { true }
}

extension AdafactorState: AveragingState {
  static var squareNames: Set<String> { ["exp_avg_sq_row", "exp_avg_sq_col", "exp_avg_sq"] }
}

extension AdamWState: AveragingState {
  static var squareNames: Set<String> { ["exp_avg_sq", "max_exp_avg_sq"] }
}

extension AveragingState {
  /// Throws an error for the first tensor, by name, that holds a value impossible for an average.
  func checkValues(of parameter: String) throws(OptimizerError) {
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      let isSquare = Self.squareNames.contains(name)
      if let (index, value) = tensor.firstImpossible(isSquare: isSquare) {
        throw .stateValue(
          parameter: parameter, moments: name, value: "\(value)", index: index, isSquare: isSquare)
      }
    }
  }
}

extension ParameterState {
  /// Throws an error for values that are impossible for an average, unless an earlier call found none.
  mutating func checkValuesOnce(of parameter: String) throws(OptimizerError) {
    guard var state = self as? any AveragingState, !state.valueCheck.isDone else { return }
    try state.checkValues(of: parameter)
    state.valueCheck.isDone = true
    self = state as! Self
  }
}

extension Tensor {
  /// Returns the first value that is not finite, or that is negative in an average of squares.
  fileprivate func firstImpossible(isSquare: Bool) -> (index: Int, value: Double)? {
    func search<Scalar: TensorScalar>(_ type: Scalar.Type) -> (Int, Double)? {
      withElements(of: type) { elements in
        for index in elements.indices {
          let value = elements[index].doubleValue
          if !value.isFinite || isSquare && value < 0 { return (index, value) }
        }
        return nil
      }
    }
    // Explicit types, so that the search is specialized for them. Residuals have 16 bits.
    return switch scalarType {
    case .float32: search(Float.self)
    case .float64: search(Double.self)
    default: converted(to: .float32).firstImpossible(isSquare: isSquare)
    }
  }
}

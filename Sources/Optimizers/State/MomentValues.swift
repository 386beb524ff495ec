import Tensors

/// A state whose tensors are averages: finite, and not negative if they average squares.
///
/// A state that is not so came from a training that had diverged, or from a damaged file. No gradient can mend it.
protocol AveragingState: ParameterState {
  /// The names of the tensors that average squares.
  static var squareNames: Set<String> { get }

  /// Whether the numbers have been checked, or come from steps that started at zero.
  var valueCheck: ValueCheck { get set }
}

/// A mark of a state whose numbers need no check. States are equal with and without it.
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
  /// Throws an error for the first tensor, by name, with a number that no average can be.
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
  /// Throws an error for numbers that no average can be, unless a call before has found none.
  mutating func checkValuesOnce(of parameter: String) throws(OptimizerError) {
    guard var state = self as? any AveragingState, !state.valueCheck.isDone else { return }
    try state.checkValues(of: parameter)
    state.valueCheck.isDone = true
    self = state as! Self
  }
}

extension Tensor {
  /// The first number that is not finite, or negative in an average of squares.
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
    // The types are named, so that the search is compiled for them. Residuals have 16 bits.
    return switch scalarType {
    case .float32: search(Float.self)
    case .float64: search(Double.self)
    default: converted(to: .float32).firstImpossible(isSquare: isSquare)
    }
  }
}

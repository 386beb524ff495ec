import Kernels
import Tensors

/// What an optimizer remembers of one parameter, seen by the names that the reference gives its parts.
///
/// Files hold states under these names, so that each optimizer lists its own in one place and none knows a
/// format.
public protocol OptimizerParameterState: Sendable {
  /// The names of all moments that there can be.
  static var tensorNames: [String] { get }

  /// The names of all numbers that there can be, apart from the step.
  static var numberNames: [String] { get }

  /// A state of these parts, with names from ``tensorNames`` and ``numberNames``.
  init(step: Int, tensors: [String: Tensor], numbers: [String: Double])

  /// The number of steps taken.
  var step: Int { get }

  /// The moments that there are.
  var tensors: [String: Tensor] { get }

  /// The numbers that there are.
  var numbers: [String: Double] { get }

  /// Refuses a state that a parameter of this name, shape and type cannot have.
  func check(parameter: String, shape: Shape, scalarType: ScalarType) throws(OptimizerError)
}

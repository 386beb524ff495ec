import KernelInterface
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

extension OptimizerParameterState {
  /// The name of what rounding lost, which the reference does not have.
  package static var residualName: String { "residual" }
}

/// What can be chosen for a parameter group: settings under the reference's names where they are encoded.
public protocol OptimizerOptions: Codable, Sendable, Equatable {
  /// The share of a parameter, times the step size, that a step takes off beside the update.
  var weightDecay: Double { get set }

  /// How new values are rounded into 16-bit parameters; others are not rounded.
  var rounding: Rounding { get set }

  /// What the draws of ``Rounding/stochastic`` begin with.
  var roundingSeed: UInt64 { get set }

  /// Throws `OptimizerError.invalidOption` for the first value out of range, NaN included.
  func validate() throws(OptimizerError)

  /// These options with the learning rate and the weight decay of others, as far as a schedule drives them.
  func withScheduledValues(of other: Self) -> Self
}

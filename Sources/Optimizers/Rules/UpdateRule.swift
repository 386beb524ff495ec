import Backends
import KernelInterface
import Tensors

/// A rule that defines an optimizer: options, the state of one parameter, and an update.
///
/// ``AdafactorOptions`` and ``AdamWOptions`` are rules. If you write your own rule, ``RuleOptimizer`` turns it into an
/// optimizer with parameter groups and options per group, gradient accumulation, clipping, loss scaling, schedules, the four
/// policies for gradients that are not finite, steps of single parameters, saving, restoring and checkpoints:
///
///     struct SignDescent: UpdateRule {
///       static let name = "sign_descent"
///       var learningRate = 1e-4
///       var weightDecay = 0.0
///
///       func update(
///         _ parameter: inout Tensor, gradient: Tensor, state: inout MomentState
///       ) {
///         parameter -= (gradient.sign() + parameter * weightDecay) * learningRate
///       }
///     }
///     let optimizer = try RuleOptimizer(
///       model.parameters, options: SignDescent(learningRate: 3e-4))
///
/// The properties of a rule are its options. They are saved as the rule encodes them, and compared when a state is restored.
/// If your rule updates every element independently, make it an ``ElementwiseRule``, which the engine runs on blocks.
public protocol UpdateRule: Codable, Sendable, Equatable {
  /// The state that is kept for one parameter between steps.
  associatedtype State: ParameterState = MomentState
  /// The type of the learning rate: `Double`, unless the rule can compute the rate itself.
  associatedtype LearningRate: LearningRateSetting = Double

  /// The name of this kind of optimizer in files and configurations.
  static var name: String { get }

  /// Whether updates consist mainly of matrix products. If so, optimizers that aren't given a backend use `Backend.default`,
  /// the one for tensors, rather than `Backend.defaultForOptimizers`. The default is false.
  static var multipliesMatrices: Bool { get }

  /// Creates a rule with its default options.
  init()

  /// The learning rate of the next step. A schedule can set it.
  var learningRate: LearningRate { get set }

  /// The decoupled weight decay of the next step.
  var weightDecay: Double { get set }

  /// Throws `OptimizerError.invalidOption` for the first option out of range, including NaN.
  func validate() throws(OptimizerError)

  /// Throws an error if this rule cannot step a parameter of this shape. By default, a rule can step every shape.
  ///
  /// Optimizers call it before they add a parameter to a group, and before the parameter's first step changes anything.
  func check(shape: Shape, of parameter: String) throws(OptimizerError)

  /// Returns the state of a parameter before its first step.
  ///
  /// - Parameters:
  ///   - shape: The parameter's shape.
  ///   - scalarType: The type that updates are computed in: Float64 for Float64 parameters, and Float32 for all others.
  func initialState(shape: Shape, scalarType: ScalarType) -> State

  /// Throws an error if a parameter of this name, shape and type cannot have this state.
  ///
  /// By default, a state must have the tensors of ``initialState(shape:scalarType:)``, with their shapes and types.
  func check(
    _ state: State, parameter: String, shape: Shape, scalarType: ScalarType
  ) throws(OptimizerError)

  /// Throws an error if no step can be taken from a state now. By default, a step can be taken from every state that fits.
  ///
  /// An optimizer calls it before the first step after a state was set or restored, and ``InPlaceUpdate`` calls it before
  /// every step. Nothing has changed at that point.
  func checkBeforeStep(_ state: State, parameter: String) throws(OptimizerError)

  /// Takes one step of one parameter.
  ///
  /// - Parameters:
  ///   - parameter: P, which the update changes, in the type that updates are computed in. The result is rounded to a
  ///     16-bit parameter: to nearest, or as a ``RoundedRule`` defines.
  ///   - gradient: G, of the same shape and type, already multiplied by its scale.
  ///   - state: The state. Its `step` already counts this step, from 1.
  func update(_ parameter: inout Tensor, gradient: Tensor, state: inout State)
}

extension UpdateRule {
  /// False.
  public static var multipliesMatrices: Bool { false }

  /// Accepts rates and decays that are finite and not negative.
  public func validate() throws(OptimizerError) {
    try OptimizerError.requireNotNegative(learningRate.constant ?? 0, "The learning rate")
    try OptimizerError.requireNotNegative(weightDecay, "weightDecay")
  }

  /// Accepts every shape.
  public func check(shape: Shape, of parameter: String) throws(OptimizerError) {}

  /// Throws an error unless the state has the tensors of the initial state, with the same shapes and types.
  public func check(
    _ state: State, parameter: String, shape: Shape, scalarType: ScalarType
  ) throws(OptimizerError) {
    try checkStep(state.step, of: parameter)
    let expected = initialState(shape: shape, scalarType: scalarType.arithmeticType).tensors
    var names = Set(expected.keys).union(state.tensors.keys)
    if let rule = self as? any RoundedRule {
      names.remove(residualName)
      try rule.checkResidual(
        state.tensors[residualName], parameter: parameter, shape: shape, scalarType: scalarType)
    }
    for name in names.sorted() {
      try checkMoments(
        name, state.tensors[name], parameter: parameter, shape: expected[name]?.shape,
        type: expected[name]?.scalarType ?? scalarType.arithmeticType)
    }
  }

  /// Accepts every state.
  public func checkBeforeStep(_ state: State, parameter: String) throws(OptimizerError) {}

  /// Throws an error for an impossible step count: below 0, or without a successor.
  func checkStep(_ step: Int, of parameter: String) throws(OptimizerError) {
    guard step >= 0, step < .max else {
      throw .invalidOption(
        name: "The step of \"\(parameter)\"", value: "\(step)",
        requirement: "it must be at least 0 and less than \(Int.max)")
    }
  }

  /// Throws an error for moments of another shape or type. A shape of nil means that there must be none.
  func checkMoments(
    _ name: String, _ tensor: Tensor?, parameter: String, shape: Shape?, type: ScalarType
  ) throws(OptimizerError) {
    guard tensor?.shape == shape else {
      throw .stateShape(parameter: parameter, moments: name, shape: tensor?.shape, expected: shape)
    }
    if let found = tensor?.scalarType, found != type {
      throw .stateType(parameter: parameter, moments: name, type: found, expected: type)
    }
  }
}

extension UpdateRule where State == MomentState {
  /// Returns a state without tensors.
  public func initialState(shape: Shape, scalarType: ScalarType) -> MomentState { MomentState() }
}

/// A learning rate: a number, or a setting from which the rule computes a number.
public protocol LearningRateSetting: Codable, Sendable, Hashable {
  /// The rate as a number; nil if the rule computes it.
  var constant: Double? { get }

  /// Returns this setting with another rate, or nil if the rule computes the rate.
  func settingConstant(_ rate: Double) -> Self?
}

extension Double: LearningRateSetting {
  /// The number itself.
  public var constant: Double? { self }

  /// Returns `rate`.
  public func settingConstant(_ rate: Double) -> Double? { rate }
}

/// A rule with its own step for the engine: phases over blocks.
package protocol PhasedRule: UpdateRule {
  /// Returns the step of one parameter, prepared for a layout.
  static func preparedStep(
    of group: RuleGroup<Self>, _ layout: StepLayout, state: State?, kernels: KernelTable
  ) -> any PreparedStep
}

import KernelInterface
import Tensors

/// An error of an optimizer. All errors except ``infiniteParameter(parameter:)`` are thrown before anything has changed.
public enum OptimizerError: Error, Sendable, Equatable {
  /// An option is out of its range.
  case invalidOption(name: String, value: String, requirement: String)
  /// Mutually exclusive options were given together. The message is the reference's.
  case conflictingOptions(String)
  /// A decoded configuration contains an unknown setting.
  case unknownOption(name: String, known: [String])
  /// An optimizer, or one of its groups, has no parameters.
  case noParameters(group: Int)
  /// Two parameters have this name, or one parameter was given twice.
  case duplicateParameter(name: String)
  /// A rule cannot step parameters of this shape.
  case unsupportedShape(parameter: String, shape: Shape, reason: String)
  /// A gradient and its parameter have different shapes.
  case gradientShape(parameter: String, shape: Shape, gradient: Shape)
  /// An update is not finite, and the policy is ``NonFinitePolicy/throwError``. Either the gradient is NaN or infinite, or
  /// its squares overflow, or values of the parameter, its state or the options are too large.
  case nonFiniteGradient(parameter: String)
  /// A finite update has made a parameter infinite, and the policy is ``NonFinitePolicy/throwError``. Only the new
  /// parameter showed it, so all parameters were stepped.
  case infiniteParameter(parameter: String)
  /// A parameter was to be stepped by itself, but has no gradient.
  case noGradient(parameter: String)
  /// A parameter was to be stepped by itself, but its step depends on other gradients.
  case cannotStepAlone(parameter: String, reason: String)
  /// A parameter of ``ScheduleFreeAdamW`` was to be stepped while it holds its evaluation weights.
  case inEvaluationMode(parameter: String)
  /// A pattern for names is not a regular expression.
  case invalidPattern(String, reason: String)
  /// A pattern for names matches no parameter.
  case unmatchedPattern(String)
  /// Every parameter either is not a matrix, or has a name that one of these patterns matches.
  case noHiddenMatrices(excluding: [String])
  /// The optimizer does not step this parameter.
  case unknownParameter(name: String)
  /// Moments of a state don't have the shape that their parameter requires. Nil means no moments.
  case stateShape(parameter: String, moments: String, shape: Shape?, expected: Shape?)
  /// Moments of a state don't have the type that their parameter requires.
  case stateType(parameter: String, moments: String, type: ScalarType, expected: ScalarType)
  /// A tensor of a state holds an impossible value: NaN, infinity, or a negative average of squares.
  case stateValue(parameter: String, moments: String, value: String, index: Int, isSquare: Bool)
  /// There is no group with this index.
  case noGroup(index: Int, count: Int)
  /// A parameter is a part of a tensor, but the optimizer isn't connected with the ranks that hold the other parts.
  case notShared(parameter: String)
  /// The ranks that share parameters don't agree, or can't be reached. The message says whether a step was made.
  case communication(String)
}

extension OptimizerError: CustomStringConvertible {
  /// The problem, its values and the remedy.
  public var description: String {
    switch self {
    case .invalidOption(let name, let value, let requirement):
      "\(name) is \(value): \(requirement)."
    case .conflictingOptions(let message):
      message
    case .unknownOption(let name, let known):
      "There is no option \"\(name)\". The options are \(known.joined(separator: ", "))."
    case .noParameters(let group):
      "Parameter group \(group) has no parameters: an optimizer needs at least one in each group."
    case .duplicateParameter(let name):
      "The parameter \"\(name)\" occurs twice: list each parameter once, under a unique name."
    case .unsupportedShape(let parameter, let shape, let reason):
      "The parameter \"\(parameter)\" has the shape \(shape): \(reason)."
    case .gradientShape(let parameter, let shape, let gradient):
      "The gradient of \"\(parameter)\" has the shape \(gradient), but its parameter has the shape \(shape)."
    case .nonFiniteGradient(let parameter):
      "The update of \"\(parameter)\" is not finite. Nothing was stepped. If its gradient is not finite or its squares "
        + "overflow, skip such steps with the policy skipStep, or lower the loss scale. Otherwise values of the "
        + "parameter, its state or its options are too large."
    case .infiniteParameter(let parameter):
      "The step has made \"\(parameter)\" infinite: its learning rate or weight decay is too large. All parameters were "
        + "stepped; restore them and the state from before the step, and lower the learning rate or the weight decay."
    case .noGradient(let parameter):
      "The parameter \"\(parameter)\" has no gradient: set it before the step."
    case .cannotStepAlone(let parameter, let reason):
      "The parameter \"\(parameter)\" cannot be stepped by itself: \(reason)."
    case .inEvaluationMode(let parameter):
      "The parameter \"\(parameter)\" holds its evaluation weights and cannot be stepped: call the optimizer's train() "
        + "first."
    case .invalidPattern(let pattern, let reason):
      "The pattern \"\(pattern)\" is not a regular expression: \(reason)"
    case .unmatchedPattern(let pattern):
      "The pattern \"\(pattern)\" matches no parameter's name: correct or remove it."
    case .noHiddenMatrices(let patterns):
      "No parameter is a hidden matrix: each one either does not have two axes, or has a name that matches one of the "
        + "patterns \(patterns). Step all parameters with the rule for the rest."
    case .unknownParameter(let name):
      "The parameter \"\(name)\" does not belong to this optimizer."
    case .stateShape(let parameter, let moments, let shape, let expected):
      "The state of \"\(parameter)\" has \(shape.map { "\(moments) of shape \($0)" } ?? "no \(moments)"), but needs "
        + "\(expected.map { "the shape \($0)" } ?? "none"): restore the state of a parameter of this shape."
    case .stateType(let parameter, let moments, let type, let expected):
      "The state of \"\(parameter)\" has \(moments) of type \(type.rawValue), but needs \(expected.rawValue): "
        + "convert them."
    case .stateValue(let parameter, let moments, let value, let index, let isSquare):
      "\(moments) of \"\(parameter)\" holds \(value) at index \(index), but its values must be finite"
        + (isSquare ? " and not negative" : "") + ": restore an earlier state."
    case .noGroup(let index, let count):
      "There is no parameter group \(index): this optimizer has \(count)."
    case .notShared(let parameter):
      "The parameter \"\(parameter)\" is a part of a tensor: connect the optimizer with the ranks that hold the other "
        + "parts, by share(over:)."
    case .communication(let message):
      message
    }
  }
}

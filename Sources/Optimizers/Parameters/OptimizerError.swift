import KernelInterface
import Tensors

/// An error of an optimizer, thrown before anything has changed, apart from ``infiniteParameter(parameter:)``.
public enum OptimizerError: Error, Sendable, Equatable {
  /// An option is out of its range.
  case invalidOption(name: String, value: String, requirement: String)
  /// Options that exclude each other were given together; the message is the reference's.
  case conflictingOptions(String)
  /// An unknown setting in a configuration that was decoded.
  case unknownOption(name: String, known: [String])
  /// An optimizer, or one of its groups, without a parameter.
  case noParameters(group: Int)
  /// Two parameters have this name, or one was given twice.
  case duplicateParameter(name: String)
  /// A rule cannot step parameters of this shape.
  case unsupportedShape(parameter: String, shape: Shape, reason: String)
  /// A gradient has another shape than its parameter.
  case gradientShape(parameter: String, shape: Shape, gradient: Shape)
  /// An update is not finite, and the policy is ``NonFinitePolicy/throwError``: the gradient is NaN or infinite, or its
  /// squares overflow, or numbers of the parameter, of its state or of the options are beyond the range.
  case nonFiniteGradient(parameter: String)
  /// A finite update has made a parameter infinite, and the policy is ``NonFinitePolicy/throwError``. It showed only in the
  /// new parameter: all parameters were stepped.
  case infiniteParameter(parameter: String)
  /// A single parameter was to be stepped but has no gradient.
  case noGradient(parameter: String)
  /// A single parameter was to be stepped, but the step depends on other gradients.
  case cannotStepAlone(parameter: String, reason: String)
  /// A parameter of ``ScheduleFreeAdamW`` was to be stepped, but holds its evaluation weights.
  case inEvaluationMode(parameter: String)
  /// A pattern for names is not a regular expression.
  case invalidPattern(String, reason: String)
  /// A pattern for names matches no parameter.
  case unmatchedPattern(String)
  /// No parameter is a matrix whose name none of these patterns matches.
  case noHiddenMatrices(excluding: [String])
  /// A parameter that this optimizer does not step.
  case unknownParameter(name: String)
  /// Moments of a state don't have the shape that their parameter requires; nil means no moments.
  case stateShape(parameter: String, moments: String, shape: Shape?, expected: Shape?)
  /// Moments of a state don't have the type that their parameter requires.
  case stateType(parameter: String, moments: String, type: ScalarType, expected: ScalarType)
  /// A tensor of a state holds a number that it cannot have: NaN, infinity, or a negative average of squares.
  case stateValue(parameter: String, moments: String, value: String, index: Int, isSquare: Bool)
  /// There is no group of this index.
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
      "The parameter \"\(name)\" occurs twice: give each parameter once, under a name of its own."
    case .unsupportedShape(let parameter, let shape, let reason):
      "The parameter \"\(parameter)\" has the shape \(shape): \(reason)."
    case .gradientShape(let parameter, let shape, let gradient):
      "The gradient of \"\(parameter)\" has the shape \(gradient), its parameter \(shape): they must be the same."
    case .nonFiniteGradient(let parameter):
      "The update of \"\(parameter)\" is not finite. Nothing was stepped. Either its gradient is not finite or its squares "
        + "overflow: skip such steps with the policy skipStep, or lower the loss scale. Or numbers of the parameter, its "
        + "state or its options are too large."
    case .infiniteParameter(let parameter):
      "The step has made \"\(parameter)\" infinite: its learning rate or weight decay is too great. The step was made; "
        + "restore the parameters and the state from before it, and lower them."
    case .noGradient(let parameter):
      "The parameter \"\(parameter)\" has no gradient to be stepped with: set it first."
    case .cannotStepAlone(let parameter, let reason):
      "The parameter \"\(parameter)\" cannot be stepped alone: \(reason)."
    case .inEvaluationMode(let parameter):
      "The parameter \"\(parameter)\" holds its evaluation weights, from which no step can be taken: call train() of the "
        + "optimizer first."
    case .invalidPattern(let pattern, let reason):
      "The pattern \"\(pattern)\" is not a regular expression: \(reason)"
    case .unmatchedPattern(let pattern):
      "The pattern \"\(pattern)\" matches no parameter's name: correct it, or leave it out."
    case .noHiddenMatrices(let patterns):
      "No parameter is a hidden matrix: each has another number of axes than 2, or a name that one of the patterns "
        + "\(patterns) matches. Step them all by the rule for the rest."
    case .unknownParameter(let name):
      "The parameter \"\(name)\" does not belong to this optimizer."
    case .stateShape(let parameter, let moments, let shape, let expected):
      "The \(moments) of \"\(parameter)\" have the shape \(shape?.description ?? "of none"), but its state needs "
        + "\(expected?.description ?? "none"): restore the state of a parameter of this shape."
    case .stateType(let parameter, let moments, let type, let expected):
      "The \(moments) of \"\(parameter)\" are \(type.rawValue), but its state is kept in \(expected.rawValue): convert them."
    case .stateValue(let parameter, let moments, let value, let index, let isSquare):
      "\(moments) of \"\(parameter)\" holds \(value) at index \(index), but its numbers must be finite"
        + (isSquare ? " and not negative" : "") + ": restore a state from before that happened."
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

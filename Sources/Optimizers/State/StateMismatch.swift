/// An error for a saved state that does not fit the optimizer. Nothing was changed.
public struct StateMismatch: Error, Sendable, Equatable {
  /// All differences. There is at least one.
  public let differences: [StateDifference]

  package init(_ differences: [StateDifference]) {
    self.differences = differences
  }
}

/// A difference between a saved state and the optimizer.
public enum StateDifference: Sendable, Equatable {
  /// The state belongs to another kind of optimizer.
  case optimizer(saved: String, here: String)
  /// The numbers of parameter groups differ.
  case groupCount(saved: Int, here: Int)
  /// An option differs. The text names it with both values.
  case option(String)
  /// A parameter is in different groups.
  case group(parameter: String, saved: Int, here: Int)
  /// The state lacks a parameter.
  case missing(parameter: String)
  /// The state has a parameter that the optimizer does not have.
  case unknown(parameter: String)
  /// A parameter has other dimensions or another type. The texts name them.
  case parameter(name: String, saved: String, here: String)
  /// A part of the state is invalid.
  case refused(OptimizerError)
}

extension StateMismatch: CustomStringConvertible {
  /// One line for each difference.
  public var description: String {
    "The saved state does not fit; nothing was restored:"
      + differences.map { "\n- \($0)" }.joined()
  }
}

extension StateDifference: CustomStringConvertible {
  /// The difference, with both values.
  public var description: String {
    switch self {
    case .optimizer(let saved, let here):
      "the saved state belongs to \(saved), but the optimizer here is \(here)"
    case .groupCount(let saved, let here):
      "the saved state has \(saved) parameter groups, but the optimizer here has \(here)"
    case .option(let text):
      text
    case .group(let parameter, let saved, let here):
      "the parameter \"\(parameter)\" is in group \(saved) in the saved state, \(here) here"
    case .missing(let parameter):
      "the parameter \"\(parameter)\" is not in the saved state"
    case .unknown(let parameter):
      "the parameter \"\(parameter)\" is only in the saved state"
    case .parameter(let name, let saved, let here):
      "the parameter \"\(name)\" is \(saved) in the saved state, \(here) here"
    case .refused(let error):
      error.description
    }
  }
}

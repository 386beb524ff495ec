import KernelInterface
import Tensors

/// An error of an accumulator, thrown before anything has changed.
public enum GradientAccumulatorError: Error, Sendable, Equatable {
  /// The gradients were requested before any were added.
  case notCalled
  /// The list has more or fewer gradients than there are parameters.
  case gradientCount(expected: Int, given: Int)
  /// A gradient has a different shape than its parameter.
  case gradientShape(parameter: String, expected: Shape, given: Shape)
  /// A weight is negative or not finite.
  case weight(Double)
  /// All weights of the window were 0, so that the average would divide by 0.
  case noWeight(step: Int)
  /// After ``GradientAccumulator/apply()`` and before ``GradientAccumulator/reset()``, a gradient was added or the window
  /// was applied again.
  case applied
}

extension GradientAccumulatorError: CustomStringConvertible {
  /// The problem, its values and the remedy.
  public var description: String {
    switch self {
    case .notCalled:
      "The accumulator should be called first to initialize the gradients: call add() after each micro-batch."
    case .gradientCount(let expected, let given):
      "Expected \(expected) gradients, but got \(given): pass one for each parameter, or nil if it has none."
    case .gradientShape(let parameter, let expected, let given):
      "The gradient of \"\(parameter)\" has the shape \(given), its parameter \(expected): they must be the "
        + "same."
    case .weight(let weight):
      "The weight \(weight) is not a number of tokens: it must be at least 0 and finite."
    case .noWeight(let step):
      "The \(step) micro-batches of this window have a total weight of 0, so they have no average: "
        + "skip the step and call reset() to continue."
    case .applied:
      "The gradients of this window have already been applied: call reset() after the optimizer's step, then "
        + "add the next gradients."
    }
  }
}

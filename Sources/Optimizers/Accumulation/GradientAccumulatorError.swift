import KernelInterface
import Tensors

/// An error of an accumulator, thrown before anything has changed.
public enum GradientAccumulatorError: Error, Sendable, Equatable {
  /// Gradients were asked for before any were added.
  case notCalled
  /// A list with more or fewer gradients than there are parameters.
  case gradientCount(expected: Int, given: Int)
  /// A gradient of another shape than its parameter.
  case gradientShape(parameter: String, expected: Shape, given: Shape)
  /// A weight that is negative or not finite.
  case weight(Double)
  /// All weights of the window were 0: there is nothing to divide by.
  case noWeight(step: Int)
  /// A gradient was added, or the window applied again, after ``GradientAccumulator/apply()`` and before
  /// ``GradientAccumulator/reset()``.
  case applied
}

extension GradientAccumulatorError: CustomStringConvertible {
  /// The problem, its values and the remedy.
  public var description: String {
    switch self {
    case .notCalled:
      "The accumulator should be called first to initialize the gradients: call add() after each micro-batch."
    case .gradientCount(let expected, let given):
      "Expected \(expected) gradients, but got \(given): give one for each parameter, nil where it has none."
    case .gradientShape(let parameter, let expected, let given):
      "The gradient of \"\(parameter)\" has the shape \(given), its parameter \(expected): they must be the "
        + "same."
    case .weight(let weight):
      "The weight \(weight) cannot count a micro-batch's tokens: it must be at least 0 and finite."
    case .noWeight(let step):
      "The \(step) micro-batches of this window have a total weight of 0, so they have no average: "
        + "leave out the step, call reset() and go on."
    case .applied:
      "The gradients of this window have been applied: call reset() after the optimizer's step, then add "
        + "the next."
    }
  }
}

import Schedules

/// What every optimizer of this library can do.
///
/// A training loop that takes `any Optimizer` runs with each of them; what is particular to one, its options and
/// states, is found at its own type.
public protocol Optimizer: ScheduledOptimizer {
  /// All parameters, group by group, in the order they were given.
  var parameters: [Parameter] { get }

  /// Parameter groups.
  var groupCount: Int { get }

  /// What happens to a parameter whose gradient is not finite.
  var nonFinitePolicy: NonFinitePolicy { get set }

  /// Bytes of optimizer state held.
  var stateByteCount: Int { get }

  /// Updates every parameter that has a gradient. Others stay as they are, their step count too.
  ///
  /// - Returns: What was done.
  /// - Throws: `OptimizerError` for a gradient whose shape or type does not fit, before anything has changed; and as
  ///   ``nonFinitePolicy`` says.
  @discardableResult
  func step() throws(OptimizerError) -> StepReport

  /// Updates one parameter, as ``step()`` would: call it as soon as its gradient exists, and gradients never exist all
  /// at once.
  ///
  /// Calling it once for every parameter gives the bits of one ``step()``. Calling it twice for one parameter is two
  /// steps of that parameter. What must see all gradients first is refused: the policy
  /// ``NonFinitePolicy/skipStep``, and a gradient that was clipped by the norm of several, in place of which each has a
  /// limit of its own. With ``NonFinitePolicy/throwError`` this parameter alone is left as it was. A ``LossScaler``
  /// leaves out the parameters whose own gradients overflow.
  ///
  /// - Parameters:
  ///   - parameter: One of ``parameters``, with a gradient.
  ///   - releasingGradient: Whether the parameter's gradient is set to nil afterwards, also where the policy skipped it.
  /// - Throws: `OptimizerError`, with everything as it was.
  @discardableResult
  func step(_ parameter: Parameter, releasingGradient: Bool) throws(OptimizerError) -> StepReport
}

extension Optimizer {
  /// Updates one parameter as soon as its gradient exists, and releases the gradient.
  ///
  /// - Throws: ``OptimizerError``, with everything as it was.
  @discardableResult
  public func step(_ parameter: Parameter) throws(OptimizerError) -> StepReport {
    try step(parameter, releasingGradient: true)
  }

  /// Computes the loss and gradients with `closure`, then steps.
  ///
  /// - Returns: What the closure returned.
  /// - Throws: what the closure throws, and ``OptimizerError`` as ``step()`` does.
  @discardableResult
  public func step<Loss>(_ closure: () throws -> Loss) throws -> Loss {
    let loss = try closure()
    try step()
    return loss
  }
}

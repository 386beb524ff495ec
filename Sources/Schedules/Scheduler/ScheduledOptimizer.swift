/// An optimizer with hyperparameters that a ``LearningRateScheduler`` can read and set, per parameter group.
public protocol ScheduledOptimizer: AnyObject {
  /// The number of parameter groups.
  var groupCount: Int { get }

  /// Returns the value of a hyperparameter, or nil if the group computes it itself, as Adafactor's relative steps
  /// do with the learning rate. A group with nil cannot be scheduled.
  func value(of hyperparameter: Hyperparameter, inGroup index: Int) -> Double?

  /// Sets the value of a hyperparameter that the group does not compute itself.
  func setValue(_ value: Double, of hyperparameter: Hyperparameter, inGroup index: Int)

  /// The value of each hyperparameter in each group before its first scheduler changed it: torch's `initial_lr`.
  ///
  /// Schedulers read and write it, so that all schedulers of a group start from the same value, regardless of when they
  /// are created. An optimizer only stores it, starting with `[:]`.
  var initialValues: [Hyperparameter: [Double?]] { get set }
}

/// A hyperparameter of a parameter group that can be scheduled.
public enum Hyperparameter: String, Sendable, Codable {
  /// The learning rate.
  case learningRate
  /// The weight decay.
  case weightDecay

  var words: String {
    switch self {
    case .learningRate: "learning rate"
    case .weightDecay: "weight decay"
    }
  }
}

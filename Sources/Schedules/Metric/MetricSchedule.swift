/// A learning rate that follows a metric, as a value. It observes one number after another and adapts.
///
///     var plateau = try ReduceOnPlateauSchedule(factor: 0.5, patience: 3)
///     try plateau.start(rates: [1e-3])
///     plateau.observe(validationLoss)
///     plateau.rates
///
/// The value holds its settings and its whole progress, so a copy or a decoded value continues in the same way.
public protocol MetricSchedule: LearningRateSchedule {
  /// The current rate of each parameter group; empty before ``start(rates:)``.
  ///
  /// Before each observation, a scheduler sets these to the groups' current rates, and the observation
  /// multiplies them.
  var rates: [Double] { get set }

  /// The same settings without any progress.
  var unstarted: Self { get }

  /// Starts over with the initial rate of each parameter group. Throws an error if the settings do not fit the
  /// groups.
  mutating func start(rates: [Double]) throws(ScheduleError)

  /// Observes the next value of the metric, and adapts the rates when necessary.
  mutating func observe(_ metric: Double)
}

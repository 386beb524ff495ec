/// A learning rate that follows a metric, as a value: it observes one number after another and adapts.
///
///     var plateau = try ReduceOnPlateauSchedule(factor: 0.5, patience: 3)
///     try plateau.start(rates: [1e-3])
///     plateau.observe(validationLoss)
///     plateau.rates
///
/// The value holds its settings and its whole progress: a copy, or a decoded value, continues in the same way.
public protocol MetricSchedule: LearningRateSchedule {
  /// The current rate of each parameter group; empty before ``start(rates:)``.
  ///
  /// A scheduler sets the rates that the groups have before each observation, which multiplies them.
  var rates: [Double] { get set }

  /// The same settings without any progress.
  var unstarted: Self { get }

  /// Starts anew with each parameter group's initial rate. Throws if the settings do not fit the groups.
  mutating func start(rates: [Double]) throws(ScheduleError)

  /// Takes the next value of the metric, and adapts the rates if it is time.
  mutating func observe(_ metric: Double)
}

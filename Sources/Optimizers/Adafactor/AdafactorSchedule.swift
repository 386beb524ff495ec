/// A logger of Adafactor's step sizes: α of the first parameter of each group at its last step.
///
/// Adafactor with relative steps computes its own rates. Use this class if a training loop expects a scheduler. It only
/// reads. The reference's class of the same name stores α as the group's rate, so that with a constant rate and parameter
/// scaling the rate shrinks with every step (transformers issue 9751).
///
/// Before the first step of a group, and while its first parameter has no gradient, it reports `initialRate`. (The
/// reference raises a KeyError or an IndexError in some of these cases.)
public final class AdafactorSchedule {
  /// The optimizer that computes the rates.
  public let optimizer: Adafactor
  /// The rate that is reported before the first step.
  public let initialRate: Double
  /// The rate of each group at the last call of ``step()``.
  public private(set) var currentRates: [Double]
  /// The number of calls of ``step()``.
  public private(set) var stepCount = 0

  /// Creates a schedule that reports the rates of `optimizer`.
  public init(_ optimizer: Adafactor, initialRate: Double = 0) {
    self.optimizer = optimizer
    self.initialRate = initialRate
    currentRates = Array(repeating: initialRate, count: optimizer.groups.count)
  }

  /// Reads the rates of the last step.
  public func step() {
    stepCount += 1
    currentRates = optimizer.groups.map { group in
      let first = group.parameters[0]
      guard first.gradient != nil, let state = optimizer.state(of: first), state.step > 0 else {
        return initialRate
      }
      return group.options.stepSize(after: state)
    }
  }
}

extension AdafactorOptions {
  /// Returns α as these options define it after the last step of a state.
  func stepSize(after state: AdafactorState) -> Double {
    AdafactorHyperparameters(self, step: state.step).stepSize(rootMeanSquare: state.rootMeanSquare)
  }
}

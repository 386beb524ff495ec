/// α of each group's first parameter as of its last step: what Adafactor's own rates come to, for logs.
///
/// Adafactor with relative steps sets its rates itself; where a training loop expects a scheduler, this takes the
/// place of one. It reads and never writes: the reference's, by the same name, stores α as the group's rate, which
/// with a fixed rate and parameter scaling multiplies the rate down step by step (transformers issue 9751).
///
/// Before a group's first step, and while its first parameter has no gradient, it reports `initialRate`. (The
/// reference raises a KeyError or an IndexError in some of these cases.)
public final class AdafactorSchedule {
  /// The optimizer whose rates are reported.
  public let optimizer: Adafactor
  /// What is reported before there is a rate.
  public let initialRate: Double
  /// The rate of each group, as of the last call of ``step()``.
  public private(set) var currentRates: [Double]
  /// How often ``step()`` was called.
  public private(set) var stepCount = 0

  /// A proxy for `optimizer`'s own rates.
  public init(_ optimizer: Adafactor, initialRate: Double = 0) {
    self.optimizer = optimizer
    self.initialRate = initialRate
    currentRates = Array(repeating: initialRate, count: optimizer.groups.count)
  }

  /// Reads the rates of the step that is over.
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

extension Adafactor.Options {
  /// α as these options have it after the last step of a state.
  func stepSize(after state: Adafactor.State) -> Double {
    rule(at: state.step).stepSize(rootMeanSquare: state.rootMeanSquare)
  }
}

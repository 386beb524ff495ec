import Schedules

extension Adafactor: ScheduledOptimizer {
  /// The rate of each group; nil where it takes relative steps, which no schedule may drive.
  ///
  /// A rate is set from the next step on. Setting the rate of a group with relative steps is a mistake that traps.
  public var learningRates: [Double?] {
    get {
      groups.map { group in
        if case .fixed(let rate) = group.options.stepSize { rate } else { nil }
      }
    }
    set {
      setOptions(newValue, of: "learning rate") { options, rate in
        guard case .fixed = options.stepSize else {
          preconditionFailure(
            "A group with relative steps has no learning rate to set: it was given \(rate).")
        }
        options.stepSize = .fixed(rate)
      }
    }
  }

  /// The weight decay of each group.
  public var weightDecays: [Double?] {
    get { groups.map(\.options.weightDecay) }
    set { setOptions(newValue, of: "weight decay") { options, decay in options.weightDecay = decay } }
  }

  /// Gives each group its value of an option; nil leaves a group as it is.
  private func setOptions(
    _ values: [Double?], of name: String, _ set: (inout Options, Double) -> Void
  ) {
    precondition(values.count == groups.count, "\(values.count) values of \(name) for \(groups.count) groups")
    for (index, value) in values.enumerated() {
      guard let value else { continue }
      do {
        try updateOptions(ofGroup: index) { set(&$0, value) }
      } catch {
        preconditionFailure("group \(index): \(error)")
      }
    }
  }
}

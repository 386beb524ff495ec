/// A minimum of the rate, as a rate or as a fraction of the initial rate.
public enum MinimumRate: Sendable, Hashable {
  /// A rate, the same for every parameter group.
  case rate(Double)
  /// A fraction of each group's initial rate.
  case ratio(Double)

  /// Creates a minimum from whichever of transformers' `min_lr` and `min_lr_rate` is given.
  init(rate: Double?, ratio: Double?) throws(ScheduleError) {
    switch (rate, ratio) {
    case (let rate?, nil): self = .rate(rate)
    case (nil, let ratio?): self = .ratio(ratio)
    case (.some, .some): throw .twoMinimums
    case (nil, nil): throw .noMinimum
    }
  }

  var rate: Double? { if case .rate(let rate) = self { rate } else { nil } }
  var ratio: Double? { if case .ratio(let ratio) = self { ratio } else { nil } }
}

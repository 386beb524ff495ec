/// A floor of the rate: a rate of its own, or a part of the initial one.
public enum MinimumRate: Sendable, Hashable {
  /// A rate, the same for every parameter group.
  case rate(Double)
  /// A part of each group's initial rate.
  case ratio(Double)

  /// Creates the one that is given, of transformers' `min_lr` and `min_lr_rate`.
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

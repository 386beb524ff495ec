/// A floor of the rate: a rate of its own, or a part of the initial one.
public enum MinimumRate: Sendable, Codable, Hashable {
  /// A rate, the same for every parameter group.
  case rate(Double)
  /// A part of each group's initial rate.
  case ratio(Double)

  /// The floor of a group whose initial rate is `initialRate`.
  func rate(initialRate: Double) -> Double {
    switch self {
    case .rate(let rate): rate
    case .ratio(let ratio): initialRate * ratio
    }
  }

  var value: Double {
    switch self {
    case .rate(let value), .ratio(let value): value
    }
  }
}

import RealModule

/// The shape of a warmup, which rises from 0 to 1. x is its completed fraction, from 0 to 1.
public enum WarmupShape: String, Sendable, Codable, CaseIterable, NamedChoice {
  /// x.
  case linear
  /// ½(1 − cos πx): flat at both ends.
  case cosine
  /// 1 − √(1 − x): slow at first and steep at the end.
  case oneMinusSquareRoot = "1-sqrt"

  func value(at x: Double) -> Double {
    switch self {
    case .linear: x
    case .cosine: 0.5 * (1 - .cos(.pi * x))
    case .oneMinusSquareRoot: 1 - (1 - x).squareRoot()
    }
  }

  static func unknown(_ name: String) -> ScheduleError {
    .unknownShape(phase: "warmup", name: name, known: allCases.map(\.rawValue))
  }
}

/// The shape of a decay, which falls from 1 to a minimum r. x is its completed fraction, from 0 to 1.
public enum DecayShape: Sendable, Hashable {
  /// (1 − x)(1 − r) + r.
  case linear
  /// ½(1 + cos 2πcx)(1 − r) + r; c = ½ falls once.
  case cosine(cycles: Double = CosineSchedule.defaultCycles)
  /// (1 − √x)(1 − r) + r: the best of the shapes that Hägele et al. compare in "Scaling Laws and
  /// Compute-Optimal Training Beyond Fixed Training Durations" (arXiv 2405.18392).
  case oneMinusSquareRoot
  /// (1 − x^k)(1 − r) + r: k = ½ is ``oneMinusSquareRoot``, 1 is ``linear``, 2 stays high for longer.
  case power(Double)
  /// r^x: every step multiplies by the same factor. Requires r > 0.
  case exponential

  func value(at x: Double, floor: Double) -> Double {
    let factor: Double
    switch self {
    case .linear: factor = 1 - x
    case .cosine(let cycles): factor = cosineWave(x, cycles: cycles)
    case .oneMinusSquareRoot: factor = 1 - x.squareRoot()
    case .power(let exponent): factor = 1 - .pow(x, exponent)
    case .exponential: return .pow(floor, x)
    }
    return max(0, factor * (1 - floor) + floor)
  }

  func check(floor: Double) throws(ScheduleError) {
    switch self {
    case .linear, .oneMinusSquareRoot: break
    case .cosine(let cycles): try WarmupStableDecaySchedule.requireNonNegative(["cycles": cycles])
    case .power(let exponent): try WarmupStableDecaySchedule.requirePositive(["power": exponent])
    case .exponential:
      try WarmupStableDecaySchedule.require(
        floor > 0, "minimumRatio", floor, "an exponential decay needs a value above 0")
    }
  }
}

/// In a schedule's settings, the shape is encoded as `decay_type` with `num_cycles` or `power`.
///
/// The two shapes that transformers does not have are decoded only if there is a `power`, which is an option of
/// `wsd` but not of `warmup_stable_decay`.
extension DecayShape: Codable {
  private enum CodingKeys: String, CodingKey { case name = "decay_type", cycles = "num_cycles", power }

  /// Decodes the shape with this name.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.container(keyedBy: CodingKeys.self)
    let name: String = try settings[.name]
    let hasPower = settings.contains(.power)
    switch name {
    case "linear": self = .linear
    case "cosine": self = .cosine(cycles: try settings[.cycles])
    case "1-sqrt": self = .oneMinusSquareRoot
    case "power" where hasPower: self = .power(try settings[.power])
    case "exponential" where hasPower: self = .exponential
    default:
      throw ScheduleError.unknownShape(
        phase: "decay", name: name,
        known: ["linear", "cosine", "1-sqrt"] + (hasPower ? ["power", "exponential"] : []))
    }
  }

  /// Encodes the name and its number.
  public func encode(to encoder: any Encoder) throws {
    var settings = encoder.container(keyedBy: CodingKeys.self)
    let (name, cycles, power): (String, Double?, Double??) =
      switch self {
      case .linear: ("linear", nil, nil)
      case .cosine(let cycles): ("cosine", cycles, nil)
      case .oneMinusSquareRoot: ("1-sqrt", nil, nil)
      case .power(let exponent): ("power", nil, exponent)
      case .exponential: ("exponential", nil, .some(nil))
      }
    try settings.encode(name, forKey: .name)
    try settings.encodeIfPresent(cycles, forKey: .cycles)
    if let power { try settings.encode(power, forKey: .power) }
  }
}

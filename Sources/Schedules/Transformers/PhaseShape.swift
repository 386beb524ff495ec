import RealModule

/// How a warm-up rises from 0 to 1 while x, the part of it that is done, goes from 0 to 1.
public enum WarmupShape: String, Sendable, Codable, CaseIterable {
  /// x.
  case linear
  /// ½(1 − cos πx): flat at both ends.
  case cosine
  /// 1 − √(1 − x): slow first, steep at the end.
  case oneMinusSquareRoot = "1-sqrt"

  func value(at x: Double) -> Double {
    switch self {
    case .linear: x
    case .cosine: 0.5 * (1 - .cos(.pi * x))
    case .oneMinusSquareRoot: 1 - (1 - x).squareRoot()
    }
  }
}

/// How a decay falls from 1 to a floor r while x, the part of it that is done, goes from 0 to 1.
public enum DecayShape: Sendable, Codable, Hashable {
  /// (1 − x)(1 − r) + r.
  case linear
  /// ½(1 + cos 2πcx)(1 − r) + r; c = ½ falls once.
  case cosine(cycles: Double = CosineSchedule.defaultCycles)
  /// (1 − √x)(1 − r) + r: the best of those compared by Hägele et al., "Scaling Laws and Compute-Optimal
  /// Training Beyond Fixed Training Durations" (arXiv 2405.18392).
  case oneMinusSquareRoot
  /// (1 − x^k)(1 − r) + r: k = ½ is ``oneMinusSquareRoot``, 1 is ``linear``, 2 stays high for longer.
  case power(Double)
  /// r^x: each step multiplies by the same factor. Needs r > 0.
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

  func check(_ schedule: String, floor: Double) throws(ScheduleError) {
    switch self {
    case .linear, .oneMinusSquareRoot: break
    case .cosine(let cycles): try ScheduleError.requireNonNegative(cycles, schedule, "cycles")
    case .power(let exponent): try ScheduleError.requirePositive(exponent, schedule, "power")
    case .exponential:
      try ScheduleError.require(
        floor > 0, schedule, "minimumRatio", floor, "an exponential decay needs one greater than 0")
    }
  }
}

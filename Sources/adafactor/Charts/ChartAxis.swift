import Foundation

/// The range of an axis with round ticks, which maps values to positions.
struct ChartAxis {
  let range: ClosedRange<Double>
  let ticks: [Double]
  let isLogarithmic: Bool

  /// Creates an axis that shows all of `values`.
  ///
  /// The range ends at ticks or, if `isTight`, at the minimum and maximum. A range that begins near 0
  /// begins at 0, and so does the range of a single value.
  init(values: [Double], isLogarithmic: Bool, isTight: Bool = false) {
    var low = values.min() ?? (isLogarithmic ? 0.1 : 0)
    var high = values.max() ?? 1
    self.isLogarithmic = isLogarithmic
    if isLogarithmic {
      let first = Self.index(of: low, .down)
      let last = max(first + 1, Self.index(of: high, .up))
      range = Self.roundNumber(first)...Self.roundNumber(last)
      // All round numbers if there are few, otherwise powers of ten.
      let stride = last - first < 8 ? 1 : 3 * ((last - first) / 18 + 1)
      ticks = (first...last).filter { $0 % stride == 0 }.map(Self.roundNumber)
      return
    }
    if low >= 0 && low <= 0.25 * high { low = 0 }
    // Ticks between values closer than this would have equal labels.
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-290) {
      if high > 1e-290 { low = 0 } else if low < -1e-290 { high = 0 } else { (low, high) = (0, 1) }
    }
    let step = Self.roundStep((high - low) / 5)
    // The tolerance keeps a value on a tick from adding another tick through rounding.
    let first = isTight ? (low / step - 1e-9).rounded(.up) : (low / step + 1e-9).rounded(.down)
    let last = isTight ? (high / step + 1e-9).rounded(.down) : (high / step - 1e-9).rounded(.up)
    ticks = (Int(first)...max(Int(first), Int(last))).map { Double($0) * step }
    range = isTight ? low...high : ticks[0]...ticks[ticks.count - 1]
  }

  /// Returns the position of `value` between the ends of the range, 0 to 1.
  func position(_ value: Double) -> Double {
    if isLogarithmic {
      return log10(value / range.lowerBound) / log10(range.upperBound / range.lowerBound)
    }
    return (value - range.lowerBound) / (range.upperBound - range.lowerBound)
  }

  static func label(_ tick: Double) -> String {
    String(format: "%.6g", tick)
  }

  /// Returns the round number of an index: 1, 2, 5, 10, 20, 50, … from index 0, and 0.5, 0.2, … below it.
  private static func roundNumber(_ index: Int) -> Double {
    let decade = Int((Double(index) / 3).rounded(.down))
    let digit = [1, 2, 5][index - 3 * decade]
    // Parsed, because a power of ten below 1 isn't exact.
    return min(max(Double("\(digit)e\(decade)")!, .leastNonzeroMagnitude), .greatestFiniteMagnitude)
  }

  /// Returns the index of the round number next to `value`, above or below it.
  private static func index(of value: Double, _ direction: FloatingPointRoundingRule) -> Int {
    let start = 3 * Int(log10(value).rounded(.down))
    let candidates = start - 1...start + 4
    return direction == .down
      ? candidates.last { roundNumber($0) <= value * (1 + 1e-9) }!
      : candidates.first { roundNumber($0) >= value * (1 - 1e-9) }!
  }

  /// Returns the least of 1, 2, 5, 10, 20, … times a power of ten that is not less than `step`.
  private static func roundStep(_ step: Double) -> Double {
    let magnitude = pow(10, log10(step).rounded(.down))
    return [1, 2, 5].map { $0 * magnitude }.first { $0 >= step * (1 - 1e-9) } ?? 10 * magnitude
  }
}

/// The mean of the last `size` values, from a sum to which each new value is added and from which the oldest is
/// subtracted.
///
/// As in transformers, the sum is updated rather than recomputed, so that both round in the same way. An
/// infinity or NaN therefore stays in the sum.
struct MovingMean: Sendable, Codable, Equatable {
  let size: Int
  private var values: [ExactDouble] = []
  private var sum = ExactDouble(0)

  init(size: Int) { self.size = size }

  /// Whether a decoded mean has at most `size` values.
  var isWithinSize: Bool { values.count <= size }

  /// Adds the next value, and returns the new mean.
  mutating func add(_ value: Double) -> Double {
    values.append(ExactDouble(value))
    sum.value += value
    if values.count > size { sum.value -= values.removeFirst().value }
    return sum.value / Double(values.count)
  }
}

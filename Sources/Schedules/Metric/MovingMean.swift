/// The mean of the last `size` values, from a sum that each new value enters and the oldest leaves.
///
/// The sum is updated rather than computed anew, as in transformers, so that both round alike. An infinity
/// or NaN that enters it therefore stays.
struct MovingMean: Sendable, Codable, Equatable {
  let size: Int
  private var values: [ExactDouble] = []
  private var sum = ExactDouble(0)

  init(size: Int) { self.size = size }

  /// Whether a decoded mean has at most `size` values.
  var isWithinSize: Bool { values.count <= size }

  /// Takes the next value, and returns the mean with it.
  mutating func add(_ value: Double) -> Double {
    values.append(ExactDouble(value))
    sum.value += value
    if values.count > size { sum.value -= values.removeFirst().value }
    return sum.value / Double(values.count)
  }
}

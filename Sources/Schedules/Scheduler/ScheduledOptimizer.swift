/// What a ``LearningRateScheduler`` needs of an optimizer: values per parameter group, to read and to set.
///
/// Arrays are in the order of the groups. A value is nil where the group computes it itself, as Adafactor's
/// relative steps do with the rate: such a group cannot be scheduled, and the scheduler refuses the optimizer
/// when it is made. A setter gets an array of as many values, none of them nil.
public protocol ScheduledOptimizer: AnyObject {
  /// The learning rate of each parameter group; nil where the group computes it itself.
  var learningRates: [Double?] { get set }
  /// The weight decay of each parameter group; nil where the group has none to set.
  var weightDecays: [Double?] { get set }
}

/// A quantity of a parameter group that a schedule can drive.
public enum ScheduledQuantity: String, Sendable, Codable {
  /// The learning rate.
  case learningRate
  /// The weight decay.
  case weightDecay

  var words: String {
    switch self {
    case .learningRate: "learning rate"
    case .weightDecay: "weight decay"
    }
  }
}

extension ScheduledOptimizer {
  func values(of quantity: ScheduledQuantity) -> [Double?] {
    switch quantity {
    case .learningRate: learningRates
    case .weightDecay: weightDecays
    }
  }

  func set(_ values: [Double], of quantity: ScheduledQuantity) {
    switch quantity {
    case .learningRate: learningRates = values
    case .weightDecay: weightDecays = values
    }
  }

  /// The values of all groups, or an error that names the first group without one.
  func schedulableValues(of quantity: ScheduledQuantity) throws(ScheduleError) -> [Double] {
    var result: [Double] = []
    for (group, value) in values(of: quantity).enumerated() {
      guard let value else { throw .notSchedulable(quantity: quantity.words, group: group) }
      result.append(value)
    }
    return result
  }
}

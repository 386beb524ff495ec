public typealias ScheduledQuantity = Hyperparameter
extension ScheduledOptimizer {
  func values(of quantity: ScheduledQuantity) -> [Double?] { (0..<groupCount).map { value(of: quantity, inGroup: $0) } }
  func set(_ values: [Double], of quantity: ScheduledQuantity) {
    for (i, v) in values.enumerated() { setValue(v, of: quantity, inGroup: i) }
  }
  func schedulableValues(of quantity: ScheduledQuantity) throws(ScheduleError) -> [Double] {
    var result: [Double] = []
    for (group, value) in values(of: quantity).enumerated() {
      guard let value else { throw .notSchedulable(quantity: quantity.words, group: group) }
      result.append(value)
    }
    return result
  }
}

import Schedules

/// Parameter groups with rates and weight decays, without anything to optimize.
final class TestOptimizer: ScheduledOptimizer {
  var learningRates: [Double?]
  var weightDecays: [Double?]
  var initialValues: [Hyperparameter: [Double?]] = [:]

  init(learningRates: [Double?], weightDecays: [Double?]? = nil) {
    self.learningRates = learningRates
    self.weightDecays = weightDecays ?? learningRates.map { _ in 0 }
  }

  var groupCount: Int { learningRates.count }

  func value(of hyperparameter: Hyperparameter, inGroup index: Int) -> Double? {
    hyperparameter == .learningRate ? learningRates[index] : weightDecays[index]
  }

  func setValue(_ value: Double, of hyperparameter: Hyperparameter, inGroup index: Int) {
    switch hyperparameter {
    case .learningRate: learningRates[index] = value
    case .weightDecay: weightDecays[index] = value
    }
  }
}

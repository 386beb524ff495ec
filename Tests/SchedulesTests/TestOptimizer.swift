import Schedules

/// Parameter groups with rates and weight decays, and nothing to optimize.
final class TestOptimizer: ScheduledOptimizer {
  var learningRates: [Double?]
  var weightDecays: [Double?]

  init(learningRates: [Double?], weightDecays: [Double?]? = nil) {
    self.learningRates = learningRates
    self.weightDecays = weightDecays ?? learningRates.map { _ in 0 }
  }
}

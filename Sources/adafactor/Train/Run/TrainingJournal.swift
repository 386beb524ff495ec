import Checkpoints
import Tensors

/// The position and the results of a run. With model, optimizer and schedule, this is everything that
/// resuming needs.
struct TrainingJournal: Codable {
  var position = TrainingPosition()
  /// The generator before the current epoch's order was drawn, so that a resumed epoch draws the same order.
  var generator: SeededGenerator
  var epochs: [EpochResult] = []
  /// Σ loss over the current epoch's samples so far, each at its own step.
  var lossSum = 0.0
  /// The number of steps that were skipped because the loss scale was too large.
  var skippedSteps = 0
  /// The time for gradients, over all parts of an interrupted run.
  var gradientSeconds = 0.0
  var optimizerSeconds = 0.0
  var testSeconds = 0.0

  /// The total time, without saving.
  var seconds: Double { gradientSeconds + optimizerSeconds + testSeconds }

  /// Records a step on this many samples.
  mutating func add(_ outcome: OptimizationStep.Outcome, samples: Int) {
    position.step += 1
    position.example += samples
    lossSum += outcome.loss * Double(samples)
    if !outcome.isTaken { skippedSteps += 1 }
    gradientSeconds += outcome.gradientTime.seconds
    optimizerSeconds += outcome.optimizerTime.seconds
  }

  /// Records the end of the current epoch. The next epoch is drawn from `generator`.
  mutating func finishEpoch(_ result: EpochResult, testTime: Duration, generator: SeededGenerator) {
    epochs.append(result)
    testSeconds += testTime.seconds
    position.epoch += 1
    position.example = 0
    lossSum = 0
    self.generator = generator
  }
}

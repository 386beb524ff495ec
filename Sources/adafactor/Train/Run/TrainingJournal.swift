import Checkpoints
import Tensors

/// How far a run is and what it has come to: with model, optimizer and schedule, all that going on needs.
struct TrainingJournal: Codable {
  var position = TrainingPosition()
  /// As it was before the current epoch's order was drawn, so that a resumed epoch draws the same.
  var generator: SeededGenerator
  var epochs: [EpochResult] = []
  /// Σ loss of the current epoch's samples so far, each at its own step.
  var lossSum = 0.0
  /// Steps that were left out for a loss scale that was too large.
  var skippedSteps = 0
  /// Of all parts of a run that was interrupted.
  var gradientSeconds = 0.0
  var optimizerSeconds = 0.0
  var testSeconds = 0.0

  /// Without what saving takes.
  var seconds: Double { gradientSeconds + optimizerSeconds + testSeconds }

  /// Takes note of a step on this many samples.
  mutating func add(_ outcome: OptimizationStep.Outcome, samples: Int) {
    position.step += 1
    position.example += samples
    lossSum += outcome.loss * Double(samples)
    if !outcome.isTaken { skippedSteps += 1 }
    gradientSeconds += outcome.gradientTime.seconds
    optimizerSeconds += outcome.optimizerTime.seconds
  }

  /// Takes note of the current epoch's end. The next is drawn from `generator`.
  mutating func finishEpoch(_ result: EpochResult, testTime: Duration, generator: SeededGenerator) {
    epochs.append(result)
    testSeconds += testTime.seconds
    position.epoch += 1
    position.example = 0
    lossSum = 0
    self.generator = generator
  }
}

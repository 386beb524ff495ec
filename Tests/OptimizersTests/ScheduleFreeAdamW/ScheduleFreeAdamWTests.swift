import Foundation
import Optimizers
import Tensors
import TestSupport
import Testing

extension ScheduleFreeAdamWOptions: ReferenceRule {
  static var folder: String { "schedule_free_adamw" }
  typealias RecordedChange = RecordedSettings<Self>

  struct RecordedState: RecordedStateOf {
    let step: Int
    let z: RecordedMoments
    let exp_avg_sq: RecordedMoments
    let weight_sum: Double
    let lr_max: Double

    var state: ScheduleFreeAdamW.State {
      ScheduleFreeAdamW.State(
        step: step, tensors: ["z": z.tensor, "exp_avg_sq": exp_avg_sq.tensor],
        numbers: ["weight_sum": weight_sum, "lr_max": lr_max, "train_mode": 1])
    }

    func pairs(with ours: ScheduleFreeAdamW.State) -> RecordedPairs {
      // Sums of the same few numbers in Double.
      #expect(abs(ours.weightSum - weight_sum) <= 1e-14 * weight_sum)
      #expect(ours.largestRate == lr_max)
      return RecordedPairs(
        step: (ours.step, step), positive: [("exp_avg_sq", ours.tensors["exp_avg_sq"], exp_avg_sq)],
        signed: [("z", ours.tensors["z"], z)])
    }
  }
}

@Suite struct ScheduleFreeAdamWTests {
  @Test(arguments: Trajectory<ScheduleFreeAdamWOptions>.names, Backend.available)
  func `A trajectory of schedulefree is followed, in training and in evaluation weights`(
    name: String, backend: Backend
  ) throws {
    let reference = try Trajectory<ScheduleFreeAdamWOptions>.load(name)
    let run = try TrajectoryRun(reference, backend: backend)
    for (index, step) in reference.steps.enumerated() {
      try run.take(step)
      let record = reference.record[index]
      run.compareParameters(with: record)
      for states in reference.states where states.afterStep == index + 1 {
        run.compareStates(with: states)
      }
      run.optimizer.eval()
      run.compareParameters(
        with: .init(
          step: record.step, parameters: try #require(record.evaluation), unrounded: nil, stepSizes: nil,
          evaluation: nil))
      run.optimizer.train()
    }
  }

  @Test func `The defaults are schedulefree's`() throws {
    let reference = try Trajectory<ScheduleFreeAdamWOptions>.load("defaults")
    #expect(reference.groups[0].options == ScheduleFreeAdamWOptions())
  }

  @Test func `Settings are read and written under schedulefree's names`() throws {
    let json = """
      {"lr": 0.25, "betas": [0.5, 0.75], "eps": 0.125, "weight_decay": 2, "warmup_steps": 9, "r": 0.375,
       "weight_lr_power": 3, "rounding": "compensated", "rounding_seed": 7}
      """
    let options = ScheduleFreeAdamWOptions(
      learningRate: 0.25, beta1: 0.5, beta2: 0.75, epsilon: 0.125, weightDecay: 2, warmupSteps: 9,
      averagingPower: 0.375, ratePower: 3, rounding: .compensated, roundingSeed: 7)
    #expect(try settings(json) == options)
    let written = try JSONSerialization.jsonObject(with: JSONEncoder().encode(options)) as? NSDictionary
    let expected = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? NSDictionary
    #expect(written == expected && written != nil)
  }

  @Test(arguments: [
    (#"{"lr": -1}"#, "lr is -1.0"), (#"{"betas": [0, 0.5]}"#, "betas[0] is 0.0"),
    (#"{"betas": [1, 0.5]}"#, "betas[0] is 1.0"), (#"{"betas": [0.5, 1]}"#, "betas[1] is 1.0"),
    (#"{"betas": [0.5]}"#, "betas is [0.5]"), (#"{"eps": -1}"#, "eps is -1.0"),
    (#"{"weight_decay": -1}"#, "weight_decay is -1.0"), (#"{"warmup_steps": -1}"#, "warmup_steps is -1"),
    (#"{"r": -1}"#, "r is -1.0"), (#"{"weight_lr_power": -1}"#, "weight_lr_power is -1.0"),
    (#"{"beta": 1}"#, #"There is no option "beta""#),
  ])
  func `A setting that does not fit is refused`(json: String, message: String) {
    let error = #expect(throws: OptimizerError.self) { try settings(json) }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
  }

  private func settings(_ json: String) throws -> ScheduleFreeAdamWOptions {
    try JSONDecoder().decode(ScheduleFreeAdamWOptions.self, from: Data(json.utf8))
  }
}

import Optimizers
import Tensors
import TestSupport

/// An optimizer whose counterpart in the reference has recorded trajectories.
protocol ReferenceSubject: Optimizer, RestorableOptimizer {
  associatedtype RecordedState: RecordedStateOf<State>
  associatedtype RecordedChange: RecordedChangeOf<Options>

  /// The folder of its trajectories.
  static var folder: String { get }

  init(
    groups: [ParameterGroup<Options>], nonFinitePolicy: NonFinitePolicy, backend: Backend,
    threads: Int?
  ) throws(OptimizerError)
}

/// A state under the reference's names.
protocol RecordedStateOf<State>: Decodable, Sendable {
  associatedtype State
  /// The same state, ours.
  var state: State { get }
  /// What has to agree with a state of ours.
  func pairs(with ours: State) -> RecordedPairs
}

/// Options under the reference's names, those that change.
protocol RecordedChangeOf<Options>: Decodable, Sendable {
  associatedtype Options
  func apply(to options: inout Options)
}

/// Our numbers of a state beside the reference's.
struct RecordedPairs {
  var step: (ours: Int, theirs: Int)
  /// What agrees element by element.
  var positive: [(name: String, ours: Tensor?, theirs: RecordedMoments?)]
  /// What agrees to the largest element: numbers of both signs cancel in it.
  var signed: [(name: String, ours: Tensor?, theirs: RecordedMoments?)]
  /// Numbers, compared where both sides have one.
  var numbers: [(name: String, ours: Double?, theirs: Double?)] = []
}

extension Adafactor: ReferenceSubject {
  static var folder: String { "adafactor" }

  struct RecordedState: RecordedStateOf {
    let step: Int
    let RMS: RecordedNumber?
    let exp_avg_sq_row: RecordedMoments?
    let exp_avg_sq_col: RecordedMoments?
    let exp_avg_sq: RecordedMoments?
    let exp_avg: RecordedMoments?

    var state: Adafactor.State {
      Adafactor.State(
        step: step, rowMoments: exp_avg_sq_row?.tensor, columnMoments: exp_avg_sq_col?.tensor,
        secondMoments: exp_avg_sq?.tensor, firstMoments: exp_avg?.tensor, rootMeanSquare: RMS?.value)
    }

    func pairs(with ours: Adafactor.State) -> RecordedPairs {
      RecordedPairs(
        step: (ours.step, step),
        positive: [
          ("exp_avg_sq_row", ours.rowMoments, exp_avg_sq_row),
          ("exp_avg_sq_col", ours.columnMoments, exp_avg_sq_col),
          ("exp_avg_sq", ours.secondMoments, exp_avg_sq),
        ],
        signed: [("exp_avg", ours.firstMoments, exp_avg)],
        numbers: [("RMS", ours.rootMeanSquare, RMS?.value)])
    }
  }

  struct RecordedChange: RecordedChangeOf {
    let lr: Double?
    let eps: [Double]?
    let clip_threshold: Double?
    let decay_rate: Double?
    let weight_decay: Double?
    let scale_parameter: Bool?
    let beta1: Double?

    func apply(to options: inout Adafactor.Options) {
      if let lr { options.learningRate = .constant(lr) }
      if let eps { (options.squaredGradientEpsilon, options.parameterScaleEpsilon) = (eps[0], eps[1]) }
      if let clip_threshold { options.clipThreshold = clip_threshold }
      if let decay_rate { options.decayRate = decay_rate }
      if let weight_decay { options.weightDecay = weight_decay }
      if let scale_parameter { options.scaleParameter = scale_parameter }
      if let beta1 { options.beta1 = beta1 }
    }
  }
}

extension AdamW: ReferenceSubject {
  static var folder: String { "adamw" }

  struct RecordedState: RecordedStateOf {
    let step: Int
    let exp_avg: RecordedMoments
    let exp_avg_sq: RecordedMoments
    let max_exp_avg_sq: RecordedMoments?

    var state: AdamW.State {
      AdamW.State(
        step: step, firstMoments: exp_avg.tensor, secondMoments: exp_avg_sq.tensor,
        maximum: max_exp_avg_sq?.tensor)
    }

    func pairs(with ours: AdamW.State) -> RecordedPairs {
      RecordedPairs(
        step: (ours.step, step),
        positive: [
          ("exp_avg_sq", ours.secondMoments, exp_avg_sq), ("max_exp_avg_sq", ours.maximum, max_exp_avg_sq),
        ],
        signed: [("exp_avg", ours.firstMoments, exp_avg)])
    }
  }

  struct RecordedChange: RecordedChangeOf {
    let lr: Double?
    let betas: [Double]?
    let eps: Double?
    let weight_decay: Double?

    func apply(to options: inout AdamW.Options) {
      if let lr { options.learningRate = lr }
      if let betas { (options.beta1, options.beta2) = (betas[0], betas[1]) }
      if let eps { options.epsilon = eps }
      if let weight_decay { options.weightDecay = weight_decay }
    }
  }
}

import Optimizers
import Tensors
import TestSupport

/// A rule with recorded trajectories of its counterpart in the reference.
protocol ReferenceRule: UpdateRule {
  associatedtype RecordedState: RecordedStateOf<State>
  associatedtype RecordedChange: RecordedChangeOf<Self>

  /// The folder of its trajectories.
  static var folder: String { get }
}

/// The specification of a rule: the same options and states, but with the update on tensors instead of the engine's step.
struct Specification<Base: ReferenceRule>: ReferenceRule where Base.RecordedChange: RecordedChangeOf<Base> {
  typealias RecordedState = Base.RecordedState
  static var name: String { "specification of \(Base.name)" }
  static var folder: String { Base.folder }
  var base = Base()

  init() {}
  init(from decoder: any Decoder) throws { base = try Base(from: decoder) }
  func encode(to encoder: any Encoder) throws { try base.encode(to: encoder) }

  var learningRate: Base.LearningRate {
    get { base.learningRate }
    set { base.learningRate = newValue }
  }
  var weightDecay: Double {
    get { base.weightDecay }
    set { base.weightDecay = newValue }
  }
  func validate() throws(OptimizerError) { try base.validate() }
  func initialState(shape: Shape, scalarType: ScalarType) -> Base.State {
    base.initialState(shape: shape, scalarType: scalarType)
  }
  func check(
    _ state: Base.State, parameter: String, shape: Shape, scalarType: ScalarType
  ) throws(OptimizerError) {
    try base.check(state, parameter: parameter, shape: shape, scalarType: scalarType)
  }
  func update(_ parameter: inout Tensor, gradient: Tensor, state: inout Base.State) {
    base.update(&parameter, gradient: gradient, state: &state)
  }

  struct RecordedChange: RecordedChangeOf {
    let change: Base.RecordedChange
    init(from decoder: any Decoder) throws { change = try Base.RecordedChange(from: decoder) }
    func apply(to options: inout Specification) { change.apply(to: &options.base) }
  }
}

/// A state under the reference's names.
protocol RecordedStateOf<State>: Decodable, Sendable {
  associatedtype State
  /// The same state in our type.
  var state: State { get }
  /// Returns the numbers that must agree with our state.
  func pairs(with ours: State) -> RecordedPairs
}

/// Changed options under the reference's names.
protocol RecordedChangeOf<Options>: Decodable, Sendable {
  associatedtype Options
  func apply(to options: inout Options)
}

/// Pairs of our numbers and the reference's numbers in a state.
struct RecordedPairs {
  var step: (ours: Int, theirs: Int)
  /// Tensors that agree element by element.
  var positive: [(name: String, ours: Tensor?, theirs: RecordedMoments?)]
  /// Tensors that agree relative to the largest element, because numbers of both signs cancel in them.
  var signed: [(name: String, ours: Tensor?, theirs: RecordedMoments?)]
  /// Numbers that are compared if both sides have one.
  var numbers: [(name: String, ours: Double?, theirs: Double?)] = []
}

extension AdafactorOptions: ReferenceRule {
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

extension AdamWOptions: ReferenceRule {
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

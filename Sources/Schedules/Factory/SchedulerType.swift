/// The names of the schedules of transformers, as in its `SchedulerType`.
public enum SchedulerType: String, Sendable, Codable, CaseIterable {
  /// ``LinearSchedule``.
  case linear
  /// ``CosineSchedule``.
  case cosine
  /// ``CosineWithRestartsSchedule``.
  case cosineWithRestarts = "cosine_with_restarts"
  /// ``PolynomialSchedule``.
  case polynomial
  /// ``ConstantSchedule``.
  case constant
  /// ``ConstantWithWarmupSchedule``.
  case constantWithWarmup = "constant_with_warmup"
  /// ``InverseSquareRootSchedule``.
  case inverseSquareRoot = "inverse_sqrt"
  /// ``ReduceOnPlateauSchedule``.
  case reduceOnPlateau = "reduce_lr_on_plateau"
  /// ``CosineWithMinimumSchedule``.
  case cosineWithMinimum = "cosine_with_min_lr"
  /// ``CosineWarmupWithMinimumSchedule``.
  case cosineWarmupWithMinimum = "cosine_warmup_with_min_lr"
  /// ``WarmupStableDecaySchedule``.
  case warmupStableDecay = "warmup_stable_decay"
  /// ``GreedySchedule``.
  case greedy

  /// Creates the type with this name. Throws transformers' error if there is none.
  public init(named name: String) throws(ScheduleError) {
    guard let type = SchedulerType(rawValue: name) else {
      throw .unknownName(name, known: Self.allCases.map(\.rawValue))
    }
    self = type
  }
}

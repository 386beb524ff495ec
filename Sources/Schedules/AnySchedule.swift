/// Any ``Schedule``, saved with its kind so that it can be restored without knowing its type.
///
/// Encoded as `{"kind": …, "settings": {…}}`. All schedules of this module are known when decoding; list
/// types of your own in ``Swift/CodingUserInfoKey/scheduleTypes``.
public struct AnySchedule: Schedule {
  /// The schedule itself.
  public let base: any Schedule

  /// Erases the type of `schedule`. One that is erased already stays as it is.
  public init(_ schedule: some Schedule) {
    base = (schedule as? AnySchedule)?.base ?? schedule
  }

  /// The rate of the schedule itself.
  public func rate(at step: Int, initialRate: Double) -> Double {
    base.rate(at: step, initialRate: initialRate)
  }

  /// The check of the schedule itself.
  ///
  /// - Throws: ``ScheduleError`` as the schedule itself does.
  public func check(initialRate: Double) throws(ScheduleError) {
    try base.check(initialRate: initialRate)
  }

  /// Whether both are of one type and equal.
  public static func == (left: AnySchedule, right: AnySchedule) -> Bool {
    func equals<S: Schedule>(_ schedule: S) -> Bool { schedule == right.base as? S }
    return equals(left.base)
  }
}

extension AnySchedule: Codable {
  static let knownTypes: [any Schedule.Type] = [
    ConstantSchedule.self, ConstantWithWarmupSchedule.self, LinearSchedule.self, CosineSchedule.self,
    CosineWithRestartsSchedule.self, PolynomialSchedule.self, InverseSquareRootSchedule.self,
    CosineWithMinimumSchedule.self, CosineWarmupWithMinimumSchedule.self, WarmupStableDecaySchedule.self,
    ExponentialSchedule.self, StepDecaySchedule.self, MultiStepDecaySchedule.self, OneCycleSchedule.self,
    CosineWarmRestartsSchedule.self, TriStageSchedule.self, REXSchedule.self,
    PiecewiseSchedule.self, JoinedSchedule.self, WarmupSchedule.self,
  ]

  /// Restores a schedule of a known type; its settings are checked as if it were made anew.
  public init(from decoder: any Decoder) throws {
    let own = decoder.userInfo[.scheduleTypes] as? [any Schedule.Type] ?? []
    let type = try decoder.erasedType(among: own + Self.knownTypes) { $0.kind }
    base = try type.init(from: decoder.erasedSettings())
  }

  /// Writes the kind and the settings.
  public func encode(to encoder: any Encoder) throws {
    try encoder.encode(erased: base, kind: type(of: base).kind)
  }
}

extension CodingUserInfoKey {
  /// A decoder's list of schedule types outside of this module, as `[any Schedule.Type]`.
  public static let scheduleTypes = CodingUserInfoKey(rawValue: "Schedules.scheduleTypes")!
  /// A decoder's list of metric-driven schedule types outside of this module, as `[any MetricSchedule.Type]`.
  public static let metricScheduleTypes = CodingUserInfoKey(rawValue: "Schedules.metricScheduleTypes")!
}

/// Any ``MetricSchedule``, saved with its kind so that it can be restored without knowing its type.
///
/// Encoded as `{"kind": …, "settings": {…}}`, with the progress among the settings. List types of your own in
/// ``Swift/CodingUserInfoKey/metricScheduleTypes``.
public struct AnyMetricSchedule: MetricSchedule {
  /// The schedule itself.
  public private(set) var base: any MetricSchedule

  /// Erases the type of `schedule`. One that is erased already stays as it is.
  public init(_ schedule: some MetricSchedule) {
    base = (schedule as? AnyMetricSchedule)?.base ?? schedule
  }

  /// The rates of the schedule itself.
  public var rates: [Double] { base.rates }

  /// The schedule without its progress.
  public var unstarted: AnyMetricSchedule { AnyMetricSchedule(base.unstarted) }

  /// Begins the schedule anew.
  ///
  /// - Throws: ``ScheduleError`` as the schedule itself does.
  public mutating func start(rates: [Double]) throws(ScheduleError) {
    try base.start(rates: rates)
  }

  /// Passes the metric on.
  public mutating func observe(_ metric: Double) {
    base.observe(metric)
  }

  /// Whether both are of one type and equal.
  public static func == (left: AnyMetricSchedule, right: AnyMetricSchedule) -> Bool {
    func equals<S: MetricSchedule>(_ schedule: S) -> Bool { schedule == right.base as? S }
    return equals(left.base)
  }
}

extension AnyMetricSchedule: Codable {
  static let knownTypes: [any MetricSchedule.Type] = [ReduceOnPlateauSchedule.self, GreedySchedule.self]

  /// Restores a schedule of a known type; its settings are checked as if it were made anew.
  public init(from decoder: any Decoder) throws {
    let own = decoder.userInfo[.metricScheduleTypes] as? [any MetricSchedule.Type] ?? []
    let type = try decoder.erasedType(among: own + Self.knownTypes) { $0.kind }
    base = try type.init(from: decoder.erasedSettings())
  }

  /// Writes the kind and the settings.
  public func encode(to encoder: any Encoder) throws {
    try encoder.encode(erased: base, kind: type(of: base).kind)
  }
}

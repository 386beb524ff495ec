import RealModule

/// m(s) through given points: the multiplier of the last point at or before s, or interpolated to the next point.
///
/// Four points, joined by straight lines:
///
///       1 ┤        ⡠⠊⠉⠒⠒⠤⠤⣀⣀
///     0.8 ┤     ⢀⠤⠊         ⠉⠉⠒⠒⠤⠤⢄⣀⡀
///     0.6 ┤    ⡠⠊                   ⠈⠉⠒⠒⠢⠤⣀⡀
///     0.4 ┤  ⡠⠊                            ⠈⠉⠑⠒⠤⢄⣀
///     0.2 ┤⠔⠊                                     ⠉⠉⠒⠢⠤⢄⣀
///       0 ┤                                              ⠉⠙⠒⠒⠒⠒⠒
///         └─────────────────────────────────────────────────────
///          0                     50                         step
///
/// - points: steps in ascending order, each with its multiplier
/// - `interpolation`: `.constant` keeps a point's multiplier until the next point; `.linear` and `.cosine`
///   connect points by straight lines or half cosine waves
///
/// Steps before the first point have its multiplier, and steps after the last point have the last multiplier.
///
/// Source: `piecewise_constant_schedule` and `piecewise_interpolate_schedule` of optax. Their scales
/// accumulate; the multipliers here are all relative to the initial rate.
public struct PiecewiseSchedule: MultiplierSchedule, CheckedSettings {
  /// A step and its multiplier.
  public struct Point: Sendable, Codable, Hashable {
    /// The step.
    public let step: Int
    /// The factor on the initial rate at this step.
    public let multiplier: Double

    /// Creates a point.
    public init(step: Int, multiplier: Double) {
      self.step = step
      self.multiplier = multiplier
    }
  }

  /// The interpolation between two points.
  public enum Interpolation: String, Sendable, Codable, CaseIterable {
    /// Keeps the multiplier of the earlier point.
    case constant
    /// A straight line.
    case linear
    /// Half a cosine wave.
    case cosine
  }

  @usableFromInline static let defaultInterpolation = Interpolation.constant

  /// The points, in ascending order of steps.
  public let points: [Point]
  /// The interpolation between two points.
  public let interpolation: Interpolation

  /// Creates a schedule through `points`. At least one point is required.
  ///
  /// - Throws: ``ScheduleError`` for no points, for steps that are negative or not ascending, and for negative
  ///   multipliers.
  public init(points: [Point], interpolation: Interpolation = defaultInterpolation) throws(ScheduleError) {
    let steps = points.map(\.step)
    try Self.require(
      !steps.isEmpty && steps[0] >= 0 && zip(steps, steps.dropFirst()).allSatisfy(<), "points",
      "at the steps \(steps)", "there must be at least one point, at ascending steps, none of them negative")
    for point in points {
      try Self.requireNonNegative(["the multiplier at step \(point.step)": point.multiplier])
    }
    self.points = points
    self.interpolation = interpolation
  }

  enum CodingKeys: CodingKey { case steps, multipliers, interpolation }

  init(_ settings: KeyedDecodingContainer<CodingKeys>) throws {
    let (steps, multipliers): ([Int], [Double]) = (try settings[.steps], try settings[.multipliers])
    try Self.require(
      steps.count == multipliers.count, "the number of multipliers", multipliers.count,
      "there must be one for each of \(steps.count) steps")
    try self.init(
      points: zip(steps, multipliers).map { Point(step: $0, multiplier: $1) },
      interpolation: settings[.interpolation])
  }

  /// Encodes the settings.
  public func encode(to encoder: any Encoder) throws {
    var settings = encoder.container(keyedBy: CodingKeys.self)
    try settings.encode(points.map(\.step), forKey: .steps)
    try settings.encode(points.map(\.multiplier), forKey: .multipliers)
    try settings.encode(interpolation, forKey: .interpolation)
  }

  /// True, as in torch's `ConstantLR` and `LinearLR`.
  public var multipliesCurrentRate: Bool { true }

  /// Returns the multiplier of the last point at or before s, or interpolated to the next point.
  public func multiplier(at step: Int) -> Double {
    guard let following = points.firstIndex(where: { $0.step > step }) else {
      return points[points.count - 1].multiplier
    }
    guard following > 0 else { return points[0].multiplier }
    let (from, to) = (points[following - 1], points[following])
    let progress = Double(step - from.step) / Double(to.step - from.step)
    let weight =
      switch interpolation {
      case .constant: 0.0
      case .linear: progress
      case .cosine: 0.5 * (1 - .cos(.pi * progress))
      }
    return from.multiplier + (to.multiplier - from.multiplier) * weight
  }
}

import RealModule

/// m(s) through given points: the value of the last point not after s, or interpolated to the next.
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
/// - points: steps in rising order, each with its multiplier
/// - `interpolation`: `.constant` holds a point's multiplier until the next; `.linear` and `.cosine` join the
///   points by straight lines or half waves
///
/// Before the first point it has that point's multiplier, after the last one that of the last.
///
/// Source: `piecewise_constant_schedule` and `piecewise_interpolate_schedule` of optax, whose scales
/// accumulate; these multipliers are all relative to the initial rate.
public struct PiecewiseSchedule: MultiplierSchedule, CheckedSettings {
  /// A step and the multiplier there.
  public struct Point: Sendable, Codable, Hashable {
    /// The step.
    public let step: Int
    /// The factor on the initial rate at this step.
    public let multiplier: Double

    /// The multiplier `multiplier` at `step`.
    public init(step: Int, multiplier: Double) {
      self.step = step
      self.multiplier = multiplier
    }
  }

  /// The interpolation between two points.
  public enum Interpolation: String, Sendable, Codable, CaseIterable {
    /// The multiplier of the earlier point.
    case constant
    /// A straight line.
    case linear
    /// Half a cosine wave.
    case cosine
  }

  @usableFromInline static let defaultInterpolation = Interpolation.constant

  /// The points, by rising steps.
  public let points: [Point]
  /// The interpolation between two points.
  public let interpolation: Interpolation

  /// Creates a schedule through `points`, of which there must be one at least.
  ///
  /// - Throws: ``ScheduleError`` for no points, negative or falling steps, and negative multipliers.
  public init(points: [Point], interpolation: Interpolation = defaultInterpolation) throws(ScheduleError) {
    let steps = points.map(\.step)
    try Self.require(
      !steps.isEmpty && steps[0] >= 0 && zip(steps, steps.dropFirst()).allSatisfy(<), "points",
      "at the steps \(steps)", "there must be one at least, at rising steps, none negative")
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

  /// True, as for `ConstantLR` and `LinearLR` of torch.
  public var multipliesCurrentRate: Bool { true }

  /// The multiplier of the last point that is not after s, or interpolated to the next one.
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

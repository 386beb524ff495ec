/// The coefficients a, b and c of each step σ ← aσ + bσ³ + cσ⁵ of the Newton–Schulz iteration, which moves singular values
/// to about 1.
///
/// | set | steps | σ of 0.01 … 1 becomes | factor of the smallest σ |
/// | --- | --- | --- | --- |
/// | ``simple`` | any number; 5 in torch | 0.68 … 1.13 | 485 |
/// | ``quintic`` | 5 or a multiple of 5, which repeats them | 0.98 … 1.03 | 493 |
/// | ``polarExpress`` | any number; the last of 8 repeats | 1.00 after 8; 0.87 … 1.12 after 5 | 6,363; 976 |
/// | ``deepSeekV4`` | at least 10; the last repeats | 1.00 | 79,263 |
/// | ``cubic5`` | 5, without the product A² | 0.77 … 1.30 | 119 |
///
/// Sources of the numbers: Keller Jordan's Muon (2024); leloykun, "Muon and the quintic iteration" and modded-nanogpt; Amsel
/// et al., "The Polar Express" (2025), arXiv:2505.16932; DeepSeek-V4's report (2026); arXiv:2606.00371.
public enum NewtonSchulzCoefficients: Sendable, Hashable {
  /// The same three coefficients in each step.
  case constant(Double, Double, Double)
  /// Five steps, optimized together.
  case quintic
  /// For each step, the optimal polynomial given the previous steps.
  case polarExpress
  /// Eight steps of ``simple``, then (2, −1.5, 0.5), which converges.
  case deepSeekV4
  /// Five steps with c = 0.
  case cubic5

  /// Torch's default: (3.4445, −4.7750, 2.0315) in each step.
  public static let simple = constant(3.4445, -4.7750, 2.0315)

  /// The sets by their names in settings.
  static let named: [(name: String, set: Self)] = [
    ("simple", simple), ("quintic", .quintic), ("polar_express", .polarExpress), ("deepseek_v4", .deepSeekV4),
    ("cubic5", .cubic5),
  ]

  /// The coefficients of each step, in order.
  var steps: [(a: Double, b: Double, c: Double)] {
    switch self {
    case .constant(let a, let b, let c): [(a, b, c)]
    case .quintic:
      [
        (4.0848, -6.8946, 2.9270), (3.9505, -6.3029, 2.6377), (3.7418, -5.5913, 2.3037),
        (2.8769, -3.1427, 1.2046), (2.8366, -3.0525, 1.2012),
      ]
    case .polarExpress:
      [
        (8.2051, -22.9019, 16.4607), (4.0664, -2.8612, 0.5184), (3.9096, -2.8234, 0.5250),
        (3.2856, -2.4153, 0.4853), (2.2779, -1.6198, 0.3985), (1.8726, -1.2307, 0.3585),
        (1.8564, -1.2132, 0.3568), (1.8750, -1.2500, 0.3750),
      ]
    case .deepSeekV4:
      Array(repeating: (3.4445, -4.7750, 2.0315), count: 8) + [(2, -1.5, 0.5), (2, -1.5, 0.5)]
    case .cubic5:
      [
        (3.3656576, -3.3420992, 0), (2.5744352, -1.4957376, 0), (2.5368962, -1.4312570, 0),
        (2.4418906, -1.2764040, 0), (2.2230472, -0.9630650, 0),
      ]
    }
  }

  /// Returns the coefficients of the first `count` steps.
  func steps(_ count: Int) -> [(a: Double, b: Double, c: Double)] {
    let steps = steps
    return (0..<count).map { self == .quintic ? steps[$0 % steps.count] : steps[min($0, steps.count - 1)] }
  }

  /// Returns the requirement for the number of steps that `count` does not meet, or nil if `count` is valid.
  func requirement(ofSteps count: Int) -> String? {
    if count >= 100 { return "Number of steps must be less than 100 for computational efficiency" }
    return switch self {
    case .constant, .polarExpress: count >= 0 ? nil : "it must not be negative"
    case .quintic:
      count > 0 && count % 5 == 0 ? nil : "the set quintic has 5 steps: set 5 or a multiple of 5"
    case .deepSeekV4: count >= 10 ? nil : "the set deepseek_v4 has 10 steps: set at least 10"
    case .cubic5: count == 5 ? nil : "the set cubic5 has 5 steps: set 5"
    }
  }
}

/// A list of three numbers, as in torch, or the name of a set.
extension NewtonSchulzCoefficients: Codable {
  /// Creates coefficients from a list of three numbers or a name.
  ///
  /// - Throws: `OptimizerError.invalidOption` if the list doesn't have three numbers or the name is unknown.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let key = MuonOptions.CodingKeys.coefficients.rawValue
    if let name = try? container.decode(String.self) {
      guard let set = Self.named.first(where: { $0.name == name })?.set else {
        throw OptimizerError.invalidOption(
          name: key, value: "\"\(name)\"",
          requirement: "the sets are \(Self.named.map(\.name).joined(separator: ", "))")
      }
      self = set
    } else {
      let numbers = try container.decode([Double].self)
      guard numbers.count == 3 else {
        throw OptimizerError.invalidOption(
          name: key, value: "\(numbers)", requirement: "Coefficients must be a tuple of exactly 3 values")
      }
      self = .constant(numbers[0], numbers[1], numbers[2])
    }
  }

  /// Encodes a list of three numbers if they are the same in each step, or else the name of the set.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if case .constant(let a, let b, let c) = self {
      try container.encode([a, b, c])
    } else {
      try container.encode(Self.named.first { $0.set == self }!.name)
    }
  }
}

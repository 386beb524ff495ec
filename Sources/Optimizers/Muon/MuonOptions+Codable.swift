/// Settings under torch's names: `lr`, `weight_decay`, `momentum`, `nesterov`, `ns_coefficients`, `eps`, `ns_steps`,
/// `adjust_lr_fn`. In addition `orthogonalization`, `rounding` and `rounding_seed`, which torch does not have. Missing
/// settings keep their defaults; unknown settings are refused.
extension MuonOptions: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case learningRate = "lr"
    case weightDecay = "weight_decay"
    case momentum
    case nesterov
    case coefficients = "ns_coefficients"
    case epsilon = "eps"
    case steps = "ns_steps"
    case adjustment = "adjust_lr_fn"
    case orthogonalization
    case rounding
    case roundingSeed = "rounding_seed"
  }

  /// Creates options from settings under torch's names.
  ///
  /// - Throws: `OptimizerError.conflictingOptions`, `unknownOption`, `invalidOption`; and `DecodingError` for a setting of
  ///   the wrong type.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.settings(CodingKeys.self)
    self.init()
    try settings.decodeIfPresent(.learningRate, into: &learningRate)
    try settings.decodeIfPresent(.weightDecay, into: &weightDecay)
    try settings.decodeIfPresent(.momentum, into: &momentum)
    try settings.decodeIfPresent(.nesterov, into: &nesterov)
    orthogonalization = try Self.orthogonalization(settings)
    if let name = try settings.decodeIfPresent(String.self, forKey: .adjustment) {
      guard let adjustment = MuonAdjustment(rawValue: name) else {
        throw OptimizerError.invalidOption(
          name: CodingKeys.adjustment.rawValue, value: "\"\(name)\"",
          requirement: "Adjust learning rate function \(name) is not supported; it must be one of "
            + MuonAdjustment.allCases.map(\.rawValue).joined(separator: ", "))
      }
      self.adjustment = adjustment
    }
    try settings.decodeIfPresent(.rounding, into: &rounding)
    try settings.decodeIfPresent(.roundingSeed, into: &roundingSeed)
    try validate(naming: .settings)
  }

  private static func orthogonalization(
    _ settings: KeyedDecodingContainer<CodingKeys>
  ) throws -> MuonOrthogonalization {
    let method = try settings.decodeIfPresent(String.self, forKey: .orthogonalization)
    let coefficients = try settings.decodeIfPresent(NewtonSchulzCoefficients.self, forKey: .coefficients)
    let steps = try settings.decodeIfPresent(Int.self, forKey: .steps)
    let epsilon = try settings.decodeIfPresent(Double.self, forKey: .epsilon)
    switch method {
    case "polar":
      guard coefficients == nil, steps == nil, epsilon == nil else {
        throw OptimizerError.conflictingOptions(
          "The orthogonalization polar has no ns_coefficients, ns_steps and eps: omit them.")
      }
      return .polar
    case nil, "newton_schulz":
      guard case .newtonSchulz(let set, let count, let least) = MuonOptions().orthogonalization else { break }
      return .newtonSchulz(
        coefficients: coefficients ?? set, steps: steps ?? count, epsilon: epsilon ?? least)
    default: break
    }
    throw OptimizerError.invalidOption(
      name: CodingKeys.orthogonalization.rawValue, value: "\"\(method ?? "")\"",
      requirement: "it must be newton_schulz or polar")
  }

  /// Encodes all settings that torch has, under torch's names, and the other settings if they differ from their defaults.
  public func encode(to encoder: any Encoder) throws {
    var settings = encoder.container(keyedBy: CodingKeys.self)
    try settings.encode(learningRate, forKey: .learningRate)
    try settings.encode(weightDecay, forKey: .weightDecay)
    try settings.encode(momentum, forKey: .momentum)
    try settings.encode(nesterov, forKey: .nesterov)
    switch orthogonalization {
    case .newtonSchulz(let coefficients, let steps, let epsilon):
      try settings.encode(coefficients, forKey: .coefficients)
      try settings.encode(steps, forKey: .steps)
      try settings.encode(epsilon, forKey: .epsilon)
    case .polar: try settings.encode("polar", forKey: .orthogonalization)
    }
    try settings.encode(adjustment, forKey: .adjustment)
    // Only if it is not the default, so that torch's constructor otherwise accepts the settings.
    let defaults = Self()
    try settings.encode(rounding, forKey: .rounding, unless: defaults.rounding)
    try settings.encode(roundingSeed, forKey: .roundingSeed, unless: defaults.roundingSeed)
  }
}

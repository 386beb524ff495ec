/// Settings under galore-torch's names: `lr`, `betas`, `eps`, `weight_decay`, `correct_bias`, `rank`, `update_proj_gap`,
/// `scale`, `proj_type`. In addition `rounding` and `rounding_seed`, which galore-torch does not have. Missing settings keep
/// their defaults; unknown settings are refused. A `rank` of null means a group without `rank`.
extension GaLoreAdamWOptions: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case learningRate = "lr"
    case betas
    case epsilon = "eps"
    case weightDecay = "weight_decay"
    case biasCorrection = "correct_bias"
    case rounding
    case roundingSeed = "rounding_seed"
  }

  /// Creates options from settings under galore-torch's names.
  ///
  /// - Throws: `OptimizerError.unknownOption`, `invalidOption`; and `DecodingError` for a setting of the wrong type.
  public init(from decoder: any Decoder) throws {
    try decoder.requireSettings(
      CodingKeys.allCases.map(\.stringValue) + GaLoreProjection.CodingKeys.allCases.map(\.stringValue))
    self.init(projection: try .init(settings: decoder.container(keyedBy: GaLoreProjection.CodingKeys.self)))
    let settings = try decoder.container(keyedBy: CodingKeys.self)
    try settings.decodeIfPresent(.learningRate, into: &learningRate)
    let betas = try settings.decodePairIfPresent(.betas, meanings: "for the first and the second moment")
    if let betas { (beta1, beta2) = betas }
    try settings.decodeIfPresent(.epsilon, into: &epsilon)
    try settings.decodeIfPresent(.weightDecay, into: &weightDecay)
    try settings.decodeIfPresent(.biasCorrection, into: &biasCorrection)
    try settings.decodeIfPresent(.rounding, into: &rounding)
    try settings.decodeIfPresent(.roundingSeed, into: &roundingSeed)
    try validate(naming: .settings)
  }

  /// Encodes all settings that galore-torch has, under its names, and the other settings if they differ from their defaults.
  public func encode(to encoder: any Encoder) throws {
    try projection.encode(to: encoder)
    var settings = encoder.container(keyedBy: CodingKeys.self)
    try settings.encode(learningRate, forKey: .learningRate)
    try settings.encode([beta1, beta2], forKey: .betas)
    try settings.encode(epsilon, forKey: .epsilon)
    try settings.encode(weightDecay, forKey: .weightDecay)
    try settings.encode(biasCorrection, forKey: .biasCorrection)
    let defaults = Self()
    try settings.encode(rounding, forKey: .rounding, unless: defaults.rounding)
    try settings.encode(roundingSeed, forKey: .roundingSeed, unless: defaults.roundingSeed)
  }
}

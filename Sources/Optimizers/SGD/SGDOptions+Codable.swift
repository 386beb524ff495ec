/// Settings under torch's names: `lr`, `momentum`, `dampening`, `weight_decay`, `nesterov`, `maximize`. In addition `rounding`
/// and `rounding_seed`, which torch does not have. Missing settings keep their defaults; unknown settings are refused.
extension SGDOptions: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case learningRate = "lr"
    case momentum
    case dampening
    case weightDecay = "weight_decay"
    case nesterov
    case maximize
    case rounding
    case roundingSeed = "rounding_seed"
  }

  /// Creates options from settings under torch's names.
  ///
  /// - Throws: `OptimizerError.unknownOption`, `invalidOption`, `conflictingOptions`; and `DecodingError` for a setting of
  ///   the wrong type.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.settings(CodingKeys.self)
    self.init()
    try settings.decodeIfPresent(.learningRate, into: &learningRate)
    try settings.decodeIfPresent(.momentum, into: &momentum)
    try settings.decodeIfPresent(.dampening, into: &dampening)
    try settings.decodeIfPresent(.weightDecay, into: &weightDecay)
    try settings.decodeIfPresent(.nesterov, into: &nesterov)
    try settings.decodeIfPresent(.maximize, into: &maximize)
    try settings.decodeIfPresent(.rounding, into: &rounding)
    try settings.decodeIfPresent(.roundingSeed, into: &roundingSeed)
    try validate(naming: .settings)
  }

  /// Encodes all settings that torch has, under torch's names, and the other settings if they differ from their defaults.
  public func encode(to encoder: any Encoder) throws {
    var settings = encoder.container(keyedBy: CodingKeys.self)
    try settings.encode(learningRate, forKey: .learningRate)
    try settings.encode(momentum, forKey: .momentum)
    try settings.encode(dampening, forKey: .dampening)
    try settings.encode(weightDecay, forKey: .weightDecay)
    try settings.encode(nesterov, forKey: .nesterov)
    try settings.encode(maximize, forKey: .maximize)
    let defaults = Self()
    try settings.encode(rounding, forKey: .rounding, unless: defaults.rounding)
    try settings.encode(roundingSeed, forKey: .roundingSeed, unless: defaults.roundingSeed)
  }
}

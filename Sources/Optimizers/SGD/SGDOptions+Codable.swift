/// Settings under torch's names: `lr`, `momentum`, `dampening`, `weight_decay`, `nesterov`, `maximize`; and `rounding` and
/// `rounding_seed`, which torch does not have. Missing ones keep their defaults; unknown ones are refused.
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
  /// - Throws: `OptimizerError.unknownOption`, `invalidOption`, `conflictingOptions`; and `DecodingError` for a setting of the
  ///   wrong type.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.settings(CodingKeys.self)
    self.init()
    learningRate = try settings.decodeIfPresent(Double.self, forKey: .learningRate) ?? learningRate
    momentum = try settings.decodeIfPresent(Double.self, forKey: .momentum) ?? momentum
    dampening = try settings.decodeIfPresent(Double.self, forKey: .dampening) ?? dampening
    weightDecay = try settings.decodeIfPresent(Double.self, forKey: .weightDecay) ?? weightDecay
    nesterov = try settings.decodeIfPresent(Bool.self, forKey: .nesterov) ?? nesterov
    maximize = try settings.decodeIfPresent(Bool.self, forKey: .maximize) ?? maximize
    rounding = try settings.decodeIfPresent(Rounding.self, forKey: .rounding) ?? rounding
    roundingSeed = try settings.decodeIfPresent(UInt64.self, forKey: .roundingSeed) ?? roundingSeed
    try validate(naming: .settings)
  }

  /// Encodes all settings that torch has, under torch's names, and the other settings if they are not at their defaults.
  public func encode(to encoder: any Encoder) throws {
    var settings = encoder.container(keyedBy: CodingKeys.self)
    try settings.encode(learningRate, forKey: .learningRate)
    try settings.encode(momentum, forKey: .momentum)
    try settings.encode(dampening, forKey: .dampening)
    try settings.encode(weightDecay, forKey: .weightDecay)
    try settings.encode(nesterov, forKey: .nesterov)
    try settings.encode(maximize, forKey: .maximize)
    let defaults = Self()
    if rounding != defaults.rounding { try settings.encode(rounding, forKey: .rounding) }
    if roundingSeed != defaults.roundingSeed { try settings.encode(roundingSeed, forKey: .roundingSeed) }
  }
}

/// Settings under torch-optimi's names: `lr`, `betas`, `eps`, `weight_decay`; and `maximize`, `rounding` and `rounding_seed`,
/// which it does not have. Missing ones keep their defaults; unknown ones are refused.
extension StableAdamWOptions: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case learningRate = "lr"
    case betas
    case epsilon = "eps"
    case weightDecay = "weight_decay"
    case maximize
    case rounding
    case roundingSeed = "rounding_seed"
  }

  /// Creates options from settings under torch-optimi's names.
  ///
  /// - Throws: `OptimizerError.unknownOption`, `invalidOption`; and `DecodingError` for a setting of the wrong type.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.settings(CodingKeys.self)
    self.init()
    learningRate = try settings.decodeIfPresent(Double.self, forKey: .learningRate) ?? learningRate
    let betas = try settings.decodePairIfPresent(.betas, meanings: "for the first and second moment")
    if let betas { (beta1, beta2) = betas }
    epsilon = try settings.decodeIfPresent(Double.self, forKey: .epsilon) ?? epsilon
    weightDecay = try settings.decodeIfPresent(Double.self, forKey: .weightDecay) ?? weightDecay
    maximize = try settings.decodeIfPresent(Bool.self, forKey: .maximize) ?? maximize
    rounding = try settings.decodeIfPresent(Rounding.self, forKey: .rounding) ?? rounding
    roundingSeed = try settings.decodeIfPresent(UInt64.self, forKey: .roundingSeed) ?? roundingSeed
    try validate(naming: .settings)
  }

  /// Encodes all settings that torch-optimi has, under its names, and the other settings if they are not at their defaults.
  public func encode(to encoder: any Encoder) throws {
    var settings = encoder.container(keyedBy: CodingKeys.self)
    try settings.encode(learningRate, forKey: .learningRate)
    try settings.encode([beta1, beta2], forKey: .betas)
    try settings.encode(epsilon, forKey: .epsilon)
    try settings.encode(weightDecay, forKey: .weightDecay)
    let defaults = Self()
    if maximize != defaults.maximize { try settings.encode(maximize, forKey: .maximize) }
    if rounding != defaults.rounding { try settings.encode(rounding, forKey: .rounding) }
    if roundingSeed != defaults.roundingSeed { try settings.encode(roundingSeed, forKey: .roundingSeed) }
  }
}

/// Settings under schedulefree's names: `lr`, `betas`, `eps`, `weight_decay`, `warmup_steps`, `r`, `weight_lr_power`. In
/// addition `rounding` and `rounding_seed`, which schedulefree does not have. Missing settings keep their defaults; unknown
/// settings are refused.
extension ScheduleFreeAdamWOptions: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case learningRate = "lr"
    case betas
    case epsilon = "eps"
    case weightDecay = "weight_decay"
    case warmupSteps = "warmup_steps"
    case averagingPower = "r"
    case ratePower = "weight_lr_power"
    case rounding
    case roundingSeed = "rounding_seed"
  }

  /// Creates options from settings under schedulefree's names.
  ///
  /// - Throws: `OptimizerError.unknownOption`, `invalidOption`; and `DecodingError` for a setting of the wrong type.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.settings(CodingKeys.self)
    self.init()
    try settings.decodeIfPresent(.learningRate, into: &learningRate)
    let betas = try settings.decodePairIfPresent(
      .betas, meanings: "for the interpolation and for the second moment")
    if let betas { (beta1, beta2) = betas }
    try settings.decodeIfPresent(.epsilon, into: &epsilon)
    try settings.decodeIfPresent(.weightDecay, into: &weightDecay)
    try settings.decodeIfPresent(.warmupSteps, into: &warmupSteps)
    try settings.decodeIfPresent(.averagingPower, into: &averagingPower)
    try settings.decodeIfPresent(.ratePower, into: &ratePower)
    try settings.decodeIfPresent(.rounding, into: &rounding)
    try settings.decodeIfPresent(.roundingSeed, into: &roundingSeed)
    try validate(naming: .settings)
  }

  /// Encodes all settings that schedulefree has, under its names, and the other settings if they differ from their defaults.
  public func encode(to encoder: any Encoder) throws {
    var settings = encoder.container(keyedBy: CodingKeys.self)
    try settings.encode(learningRate, forKey: .learningRate)
    try settings.encode([beta1, beta2], forKey: .betas)
    try settings.encode(epsilon, forKey: .epsilon)
    try settings.encode(weightDecay, forKey: .weightDecay)
    try settings.encode(warmupSteps, forKey: .warmupSteps)
    try settings.encode(averagingPower, forKey: .averagingPower)
    try settings.encode(ratePower, forKey: .ratePower)
    let defaults = Self()
    try settings.encode(rounding, forKey: .rounding, unless: defaults.rounding)
    try settings.encode(roundingSeed, forKey: .roundingSeed, unless: defaults.roundingSeed)
  }
}

/// Settings under torch's names: `lr`, `betas`, `eps`, `weight_decay`, `amsgrad`, `maximize`. In addition `correct_bias`,
/// `rounding` and `rounding_seed`, which torch does not have. Missing settings keep their defaults; unknown ones are refused.
extension AdamWOptions: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case learningRate = "lr"
    case betas
    case epsilon = "eps"
    case weightDecay = "weight_decay"
    case amsgrad
    case maximize
    case biasCorrection = "correct_bias"
    case rounding
    case roundingSeed = "rounding_seed"
  }

  /// Creates options from settings under torch's names.
  ///
  /// - Throws: `OptimizerError.unknownOption`, `invalidOption`; and `DecodingError` for a setting of the wrong type.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.settings(CodingKeys.self)
    self.init()
    try settings.decodeIfPresent(.learningRate, into: &learningRate)
    let betas = try settings.decodePairIfPresent(
      .betas, meanings: "one for the average of gradients and one for the average of their squares")
    if let betas { (beta1, beta2) = betas }
    try settings.decodeIfPresent(.epsilon, into: &epsilon)
    try settings.decodeIfPresent(.weightDecay, into: &weightDecay)
    try settings.decodeIfPresent(.amsgrad, into: &amsgrad)
    try settings.decodeIfPresent(.maximize, into: &maximize)
    try settings.decodeIfPresent(.biasCorrection, into: &biasCorrection)
    try settings.decodeIfPresent(.rounding, into: &rounding)
    try settings.decodeIfPresent(.roundingSeed, into: &roundingSeed)
    try validate(naming: .settings)
  }

  /// Encodes all settings that torch has, under torch's names, and the other settings if they differ from their defaults.
  public func encode(to encoder: any Encoder) throws {
    var settings = encoder.container(keyedBy: CodingKeys.self)
    try settings.encode(learningRate, forKey: .learningRate)
    try settings.encode([beta1, beta2], forKey: .betas)
    try settings.encode(epsilon, forKey: .epsilon)
    try settings.encode(weightDecay, forKey: .weightDecay)
    try settings.encode(amsgrad, forKey: .amsgrad)
    try settings.encode(maximize, forKey: .maximize)
    try settings.encode(biasCorrection, forKey: .biasCorrection)
    // Only if it is not the default, so that torch's constructor otherwise accepts the settings.
    let defaults = Self()
    try settings.encode(rounding, forKey: .rounding, unless: defaults.rounding)
    try settings.encode(roundingSeed, forKey: .roundingSeed, unless: defaults.roundingSeed)
  }
}

/// Settings under came-pytorch's names: `lr`, `betas`, `eps`, `clip_threshold`, `weight_decay`. In addition `rounding` and
/// `rounding_seed`, which came-pytorch does not have. Missing settings keep their defaults; unknown settings are refused.
extension CAMEOptions: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case learningRate = "lr"
    case betas
    case epsilons = "eps"
    case clipThreshold = "clip_threshold"
    case weightDecay = "weight_decay"
    case rounding
    case roundingSeed = "rounding_seed"
  }

  /// Creates options from settings under came-pytorch's names.
  ///
  /// - Throws: `OptimizerError.unknownOption`, `invalidOption`; and `DecodingError` for a setting of the wrong type.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.settings(CodingKeys.self)
    self.init()
    try settings.decodeIfPresent(.learningRate, into: &learningRate)
    if let betas = try settings.decodeIfPresent([Double].self, forKey: .betas) {
      guard betas.count == 3 else {
        throw OptimizerError.invalidOption(
          name: "betas", value: "\(betas)",
          requirement: "it takes three numbers, for the momentum, the squares and the residuals")
      }
      (beta1, beta2, beta3) = (betas[0], betas[1], betas[2])
    }
    let epsilons = try settings.decodePairIfPresent(
      .epsilons, meanings: "for the squares and for the residuals")
    if let epsilons { (squaredGradientEpsilon, residualEpsilon) = epsilons }
    try settings.decodeIfPresent(.clipThreshold, into: &clipThreshold)
    try settings.decodeIfPresent(.weightDecay, into: &weightDecay)
    try settings.decodeIfPresent(.rounding, into: &rounding)
    try settings.decodeIfPresent(.roundingSeed, into: &roundingSeed)
    try validate(naming: .settings)
  }

  /// Encodes all settings that came-pytorch has, under its names, and the other settings if they differ from their defaults.
  public func encode(to encoder: any Encoder) throws {
    var settings = encoder.container(keyedBy: CodingKeys.self)
    try settings.encode(learningRate, forKey: .learningRate)
    try settings.encode([beta1, beta2, beta3], forKey: .betas)
    try settings.encode([squaredGradientEpsilon, residualEpsilon], forKey: .epsilons)
    try settings.encode(clipThreshold, forKey: .clipThreshold)
    try settings.encode(weightDecay, forKey: .weightDecay)
    let defaults = Self()
    try settings.encode(rounding, forKey: .rounding, unless: defaults.rounding)
    try settings.encode(roundingSeed, forKey: .roundingSeed, unless: defaults.roundingSeed)
  }
}

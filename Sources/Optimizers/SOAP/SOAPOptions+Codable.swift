/// Settings under the reference's names: `lr`, `betas`, `shampoo_beta`, `eps`, `weight_decay`, `precondition_frequency`,
/// `max_precond_dim`, `merge_dims`, `precondition_1d`, `normalize_grads`, `correct_bias`. In addition `spread_refresh`,
/// `rounding` and `rounding_seed`, which it does not have. Missing settings keep their defaults; unknown settings are refused.
extension SOAPOptions: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case learningRate = "lr"
    case betas
    case shampooBeta = "shampoo_beta"
    case epsilon = "eps"
    case weightDecay = "weight_decay"
    case preconditionFrequency = "precondition_frequency"
    case maxPrecondDim = "max_precond_dim"
    case mergesDims = "merge_dims"
    case precondition1D = "precondition_1d"
    case normalizesUpdates = "normalize_grads"
    case biasCorrection = "correct_bias"
    case spreadsRefresh = "spread_refresh"
    case rounding
    case roundingSeed = "rounding_seed"
  }

  /// Creates options from settings under the reference's names. A negative `shampoo_beta` means `betas[1]`.
  ///
  /// - Throws: `OptimizerError.unknownOption`, `invalidOption`; and `DecodingError` for a setting of the wrong type.
  public init(from decoder: any Decoder) throws {
    let settings = try decoder.settings(CodingKeys.self)
    self.init()
    try settings.decodeIfPresent(.learningRate, into: &learningRate)
    let betas = try settings.decodePairIfPresent(
      .betas, meanings: "one for the average of gradients and one for the average of their squares")
    if let betas { (beta1, beta2) = betas }
    if let beta = try settings.decodeIfPresent(Double.self, forKey: .shampooBeta) {
      shampooBeta = beta < 0 ? nil : beta
    }
    try settings.decodeIfPresent(.epsilon, into: &epsilon)
    try settings.decodeIfPresent(.weightDecay, into: &weightDecay)
    try settings.decodeIfPresent(.preconditionFrequency, into: &preconditionFrequency)
    try settings.decodeIfPresent(.maxPrecondDim, into: &maxPrecondDim)
    try settings.decodeIfPresent(.mergesDims, into: &mergesDims)
    try settings.decodeIfPresent(.precondition1D, into: &precondition1D)
    try settings.decodeIfPresent(.normalizesUpdates, into: &normalizesUpdates)
    try settings.decodeIfPresent(.biasCorrection, into: &biasCorrection)
    try settings.decodeIfPresent(.spreadsRefresh, into: &spreadsRefresh)
    try settings.decodeIfPresent(.rounding, into: &rounding)
    try settings.decodeIfPresent(.roundingSeed, into: &roundingSeed)
    try validate(naming: .settings)
  }

  /// Encodes all settings that the reference has, under its names, and the other settings if they differ from their defaults.
  public func encode(to encoder: any Encoder) throws {
    var settings = encoder.container(keyedBy: CodingKeys.self)
    try settings.encode(learningRate, forKey: .learningRate)
    try settings.encode([beta1, beta2], forKey: .betas)
    try settings.encode(shampooBeta ?? -1, forKey: .shampooBeta)
    try settings.encode(epsilon, forKey: .epsilon)
    try settings.encode(weightDecay, forKey: .weightDecay)
    try settings.encode(preconditionFrequency, forKey: .preconditionFrequency)
    try settings.encode(maxPrecondDim, forKey: .maxPrecondDim)
    try settings.encode(mergesDims, forKey: .mergesDims)
    try settings.encode(precondition1D, forKey: .precondition1D)
    try settings.encode(normalizesUpdates, forKey: .normalizesUpdates)
    try settings.encode(biasCorrection, forKey: .biasCorrection)
    // Only if it is not the default, so that the reference's constructor otherwise accepts the settings.
    let defaults = Self()
    try settings.encode(spreadsRefresh, forKey: .spreadsRefresh, unless: defaults.spreadsRefresh)
    try settings.encode(rounding, forKey: .rounding, unless: defaults.rounding)
    try settings.encode(roundingSeed, forKey: .roundingSeed, unless: defaults.roundingSeed)
  }
}

/// All settings of ``AdafactorOptions``; SOAP's `shampoo_beta`, `precondition_frequency`, `max_precond_dim` and
/// `precondition_1d`; `one_sided` and `spread_refresh`. Missing settings keep their defaults; unknown settings are refused.
extension FactoredSOAPOptions: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case shampooBeta = "shampoo_beta"
    case preconditionFrequency = "precondition_frequency"
    case maxPrecondDim = "max_precond_dim"
    case precondition1D = "precondition_1d"
    case oneSided = "one_sided"
    case spreadsRefresh = "spread_refresh"
  }

  /// Creates options from settings under their names.
  ///
  /// - Throws: `OptimizerError.conflictingOptions` with Adafactor's messages, `unknownOption`, `invalidOption`; and
  ///   `DecodingError` for a setting of the wrong type.
  public init(from decoder: any Decoder) throws {
    try decoder.requireSettings(
      AdafactorOptions.CodingKeys.allCases.map(\.stringValue) + CodingKeys.allCases.map(\.stringValue))
    self.init(
      adafactor: try AdafactorOptions(
        settings: decoder.container(keyedBy: AdafactorOptions.CodingKeys.self)))
    let settings = try decoder.container(keyedBy: CodingKeys.self)
    try settings.decodeIfPresent(.shampooBeta, into: &shampooBeta)
    try settings.decodeIfPresent(.preconditionFrequency, into: &preconditionFrequency)
    try settings.decodeIfPresent(.maxPrecondDim, into: &maxPrecondDim)
    try settings.decodeIfPresent(.precondition1D, into: &precondition1D)
    try settings.decodeIfPresent(.oneSided, into: &oneSided)
    try settings.decodeIfPresent(.spreadsRefresh, into: &spreadsRefresh)
    try validate(naming: .settings)
  }

  /// Encodes all settings. Rounding is omitted if it has its default.
  public func encode(to encoder: any Encoder) throws {
    try adafactor.encode(to: encoder)
    var settings = encoder.container(keyedBy: CodingKeys.self)
    try settings.encode(shampooBeta, forKey: .shampooBeta)
    try settings.encode(preconditionFrequency, forKey: .preconditionFrequency)
    try settings.encode(maxPrecondDim, forKey: .maxPrecondDim)
    try settings.encode(precondition1D, forKey: .precondition1D)
    try settings.encode(oneSided, forKey: .oneSided)
    try settings.encode(spreadsRefresh, forKey: .spreadsRefresh)
  }
}

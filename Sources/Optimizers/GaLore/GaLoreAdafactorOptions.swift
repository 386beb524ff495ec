/// The options of ``GaLoreAdafactor`` for a parameter group: Adafactor's options and a projection.
public struct GaLoreAdafactorOptions: Sendable, Hashable {
  /// The options of the update, of rounding, the learning rate and the weight decay.
  public var adafactor: AdafactorOptions

  /// The projection of the gradients of matrices: `rank`, `update_proj_gap`, `scale` and `proj_type`.
  public var projection: GaLoreProjection

  /// Creates the default options.
  public init() { self.init(adafactor: .init()) }

  /// Creates options.
  public init(adafactor: AdafactorOptions = .init(), projection: GaLoreProjection = .init()) {
    self.adafactor = adafactor
    self.projection = projection
  }

  /// Checks the ranges.
  ///
  /// - Throws: `OptimizerError.invalidOption` for the first value out of range, including NaN.
  public func validate() throws(OptimizerError) { try validate(naming: .swift) }

  func validate(naming name: OptionNaming) throws(OptimizerError) {
    try adafactor.validate(naming: name)
    try projection.validate(naming: name)
  }
}

/// All settings of ``AdafactorOptions``; `rank`, `update_proj_gap`, `scale` and `proj_type`. Missing settings keep their
/// defaults; unknown settings are refused. A `rank` of null means a group without `rank`.
extension GaLoreAdafactorOptions: Codable {
  /// Creates options from settings under their names.
  ///
  /// - Throws: `OptimizerError.conflictingOptions` with Adafactor's messages, `unknownOption`, `invalidOption`; and
  ///   `DecodingError` for a setting of the wrong type.
  public init(from decoder: any Decoder) throws {
    try decoder.requireSettings(
      AdafactorOptions.CodingKeys.allCases.map(\.stringValue)
        + GaLoreProjection.CodingKeys.allCases.map(\.stringValue))
    self.init(
      adafactor: try .init(settings: decoder.container(keyedBy: AdafactorOptions.CodingKeys.self)),
      projection: try .init(settings: decoder.container(keyedBy: GaLoreProjection.CodingKeys.self)))
    try validate(naming: .settings)
  }

  /// Encodes all settings. Rounding is omitted if it has its default.
  public func encode(to encoder: any Encoder) throws {
    try adafactor.encode(to: encoder)
    try projection.encode(to: encoder)
  }
}

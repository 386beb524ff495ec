/// The options of ``FactoredSOAP`` for a parameter group: Adafactor's options and the options of the eigenbases.
public struct FactoredSOAPOptions: Sendable, Hashable {
  /// The options of the update in the eigenbasis, of rounding, the learning rate and the weight decay.
  public var adafactor: AdafactorOptions

  /// β_s, the decay of the preconditioners: `shampoo_beta`. At least 0 and below 1.
  public var shampooBeta: Double

  /// f, the number of updates between two refreshes of the bases: `precondition_frequency`. At least 1.
  public var preconditionFrequency: Int

  /// The maximum length of an axis with a preconditioner, at least 0: `max_precond_dim`. Longer axes are not rotated.
  ///
  /// It is read when a parameter gets its first gradient.
  public var maxPrecondDim: Int

  /// Whether vectors have a preconditioner: `precondition_1d`. It is read when a parameter gets its first gradient.
  public var precondition1D: Bool

  /// Whether only the shortest axis has a preconditioner (the first of several): `one_sided`. It is read when a parameter
  /// gets its first gradient.
  public var oneSided: Bool

  /// Whether the refreshes of all axes are spread over different steps, each every f updates: `spread_refresh`.
  public var spreadsRefresh: Bool

  /// Creates the default options.
  public init() { self.init(adafactor: .init()) }

  /// Creates options.
  public init(
    adafactor: AdafactorOptions = .init(), shampooBeta: Double = 0.95, preconditionFrequency: Int = 10,
    maxPrecondDim: Int = 10_000, precondition1D: Bool = false, oneSided: Bool = false,
    spreadsRefresh: Bool = false
  ) {
    self.adafactor = adafactor
    self.shampooBeta = shampooBeta
    self.preconditionFrequency = preconditionFrequency
    self.maxPrecondDim = maxPrecondDim
    self.precondition1D = precondition1D
    self.oneSided = oneSided
    self.spreadsRefresh = spreadsRefresh
  }

  /// Checks the ranges.
  ///
  /// - Throws: `OptimizerError.invalidOption` for the first value out of range, including NaN.
  public func validate() throws(OptimizerError) { try validate(naming: .swift) }

  func validate(naming name: OptionNaming) throws(OptimizerError) {
    try adafactor.validate(naming: name)
    try OptimizerError.requireAveraging(shampooBeta, name("shampooBeta", CodingKeys.shampooBeta))
    try OptimizerError.require(
      preconditionFrequency, atLeast: 1, name("preconditionFrequency", CodingKeys.preconditionFrequency))
    try OptimizerError.require(maxPrecondDim, atLeast: 0, name("maxPrecondDim", CodingKeys.maxPrecondDim))
  }
}

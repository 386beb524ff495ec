extension LossScaler {
  /// The settings and the current scale. The defaults are torch's.
  public struct State: Sendable, Hashable {
    /// S, rounded to Float32 as in torch. Above 0.
    public var scale: Double
    /// The factor of S when it grows. Above 1.
    public var growthFactor: Double
    /// The factor of S after gradients that are not finite. Above 0 and below 1.
    public var backoffFactor: Double
    /// The number of finite steps in a row after which S grows. At least 1.
    public var growthInterval: Int
    /// The number of finite steps since S last changed.
    public var growthTracker: Int

    /// Creates a state.
    public init(
      scale: Double = 65536, growthFactor: Double = 2, backoffFactor: Double = 0.5,
      growthInterval: Int = 2000,
      growthTracker: Int = 0
    ) {
      self.scale = scale
      self.growthFactor = growthFactor
      self.backoffFactor = backoffFactor
      self.growthInterval = growthInterval
      self.growthTracker = growthTracker
    }

    /// Changes the scale after the check of a step.
    ///
    /// As in torch, a scale that would become infinite in Float32 is unchanged. A scale that would become 0 is unchanged
    /// too. In torch, it makes the next gradients NaN.
    mutating func advance(isFinite: Bool) {
      if isFinite {
        growthTracker += 1
        guard growthTracker == growthInterval else { return }
      }
      growthTracker = 0
      let changed = Float(scale * (isFinite ? growthFactor : backoffFactor))
      if changed.isFinite && changed > 0 { scale = Double(changed) }
    }

    /// Throws an error for settings out of range.
    func validate() throws(LossScalerError) {
      func require(
        _ holds: Bool, _ name: String, _ value: Double, _ requirement: String
      ) throws(LossScalerError) {
        if !holds { throw .invalidSetting(name: name, value: value, requirement: requirement) }
      }
      try require(
        scale > 0 && Float(scale).isFinite, "scale", scale, "it must be above 0 and finite in Float32")
      try require(
        growthFactor > 1 && growthFactor.isFinite, "growth_factor", growthFactor,
        "the growth factor must be > 1.0")
      try require(
        backoffFactor > 0 && backoffFactor < 1, "backoff_factor", backoffFactor,
        "the backoff factor must be < 1.0 and above 0")
      try require(
        growthInterval >= 1, "growth_interval", Double(growthInterval), "it must be at least 1")
      try require(
        (0..<max(1, growthInterval)).contains(growthTracker), "_growth_tracker", Double(growthTracker),
        "it counts finite steps and must be at least 0 and below growth_interval, \(growthInterval)")
    }
  }
}

/// The entries of torch's `GradScaler.state_dict()`, under torch's names.
extension LossScaler.State: Codable {
  enum CodingKeys: String, CodingKey {
    case scale
    case growthFactor = "growth_factor"
    case backoffFactor = "backoff_factor"
    case growthInterval = "growth_interval"
    case growthTracker = "_growth_tracker"
  }
}

import Tensors

extension Adafactor: RestorableOptimizer {
  /// `adafactor`.
  public static var name: String { "adafactor" }
}

extension Adafactor.Options {
  /// These options with the weight decay of others, and their rate where both have one.
  public func withScheduledValues(of other: Self) -> Self {
    var options = self
    if case .constant = learningRate, case .constant = other.learningRate {
      options.learningRate = other.learningRate
    }
    options.weightDecay = other.weightDecay
    return options
  }
}

extension Adafactor.State: OptimizerParameterState {
  /// The reference's names of R, C, V and M; and the residual's, which it does not have.
  public static var tensorNames: [String] { parts.map(\.name) }

  /// The reference's name of RMS(P).
  public static var numberNames: [String] { ["RMS"] }

  /// A state of these parts.
  public init(step: Int, tensors: [String: Tensor], numbers: [String: Double]) {
    self.init(step: step, rootMeanSquare: numbers["RMS"])
    for (name, part) in Self.parts { self[keyPath: part] = tensors[name] }
    shareEqualMoments()
  }

  /// The moments and the residual that there are.
  public var tensors: [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    for (name, part) in Self.parts { tensors[name] = self[keyPath: part] }
    return tensors
  }

  /// RMS(P), where it is known.
  public var numbers: [String: Double] {
    var numbers: [String: Double] = [:]
    numbers["RMS"] = rootMeanSquare
    return numbers
  }

  private static var parts: [(name: String, part: WritableKeyPath<Self, Tensor?>)] {
    [
      ("exp_avg_sq_row", \.rowMoments), ("exp_avg_sq_col", \.columnMoments),
      ("exp_avg_sq", \.secondMoments), ("exp_avg", \.firstMoments), (residualName, \.residual),
    ]
  }
}

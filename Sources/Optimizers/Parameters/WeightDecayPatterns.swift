import _StringProcessing

/// A selection by name of the parameters that decay, as in the reference's `AdamWeightDecay`.
///
/// A parameter decays if a pattern of `including` matches its name, or if no pattern of `excluding` does: including wins.
/// Patterns are case-sensitive regular expressions that may match anywhere in a name.
///
///     let patterns = try WeightDecayPatterns(excluding: ["LayerNorm", "bias"])
///     let optimizer = try AdamW(groups: patterns.groups(of: model.parameters, options: .init(weightDecay: 0.1)))
public struct WeightDecayPatterns {
  private let including: [Regex<AnyRegexOutput>]
  private let excluding: [Regex<AnyRegexOutput>]

  /// Creates a selection.
  ///
  /// - Parameters:
  ///   - including: Names that decay even if a pattern of `excluding` matches.
  ///   - excluding: Names that don't decay.
  /// - Throws: `OptimizerError.invalidPattern` for the first that is not a regular expression.
  public init(including: [String] = [], excluding: [String] = []) throws(OptimizerError) {
    self.including = try including.map(Self.expression)
    self.excluding = try excluding.map(Self.expression)
  }

  /// The regular expression of a pattern.
  static func expression(_ pattern: String) throws(OptimizerError) -> Regex<AnyRegexOutput> {
    do {
      // The reference compares code points, not what a reader takes for one character.
      return try Regex(pattern).matchingSemantics(.unicodeScalar)
    } catch {
      throw .invalidPattern(pattern, reason: "\(error)")
    }
  }

  /// Returns whether a parameter of this name decays.
  public func decays(_ name: String) -> Bool {
    including.contains { name.contains($0) } || !excluding.contains { name.contains($0) }
  }

  /// Returns the parameters as groups: those that decay with `options`, the others with the same options and no weight decay.
  ///
  /// Each group keeps the order of `parameters`. Groups without parameters are omitted.
  public func groups<Options: UpdateRule>(
    of parameters: [Parameter], options: Options
  ) -> [ParameterGroup<Options>] {
    var undecayed = options
    undecayed.weightDecay = 0
    return [
      ParameterGroup(parameters.filter { decays($0.name) }, options: options),
      ParameterGroup(parameters.filter { !decays($0.name) }, options: undecayed),
    ].filter { !$0.parameters.isEmpty }
  }
}

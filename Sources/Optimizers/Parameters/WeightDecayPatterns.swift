import _StringProcessing

/// A selection of the parameters that decay, by name, as in the reference's `AdamWeightDecay`.
///
/// A parameter decays if a pattern in `including` matches its name, or if no pattern in `excluding` does. `including` takes
/// precedence. Patterns are case-sensitive regular expressions that may match anywhere in a name.
///
///     let patterns = try WeightDecayPatterns(excluding: ["LayerNorm", "bias"])
///     let optimizer = try AdamW(
///       groups: patterns.groups(
///         of: model.parameters, options: .init(weightDecay: 0.1)))
public struct WeightDecayPatterns {
  private let including: [Regex<AnyRegexOutput>]
  private let excluding: [Regex<AnyRegexOutput>]

  /// Creates a selection.
  ///
  /// - Parameters:
  ///   - including: Patterns for names that decay even if a pattern in `excluding` matches.
  ///   - excluding: Patterns for names that don't decay.
  /// - Throws: `OptimizerError.invalidPattern` for the first pattern that is not a regular expression.
  public init(including: [String] = [], excluding: [String] = []) throws(OptimizerError) {
    self.including = try including.map(Self.expression)
    self.excluding = try excluding.map(Self.expression)
  }

  /// Returns the regular expression for a pattern.
  static func expression(_ pattern: String) throws(OptimizerError) -> Regex<AnyRegexOutput> {
    do {
      // The reference compares code points rather than the characters that a reader sees.
      return try Regex(pattern).matchingSemantics(.unicodeScalar)
    } catch {
      throw .invalidPattern(pattern, reason: "\(error)")
    }
  }

  /// Returns whether a parameter with this name decays.
  public func decays(_ name: String) -> Bool {
    including.contains { name.contains($0) } || !excluding.contains { name.contains($0) }
  }

  /// Returns two groups: the parameters that decay, with `options`, and the others, with the same options but no weight decay.
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

import Optimizers

/// A parameter group as JSON: `{"parameters": ["name", …], "lr": …, …}`, with the options under the
/// reference's names.
///
/// The configuration of `adafactor step` and the metadata of a saved state hold groups in this form.
package struct GroupSettings: Sendable, Hashable, Codable {
  /// The names of the parameters, or `nil` for all that no other group names.
  package var parameters: [String]?
  /// The options that are given. Other options have their defaults.
  package var options: [String: JSONValue]

  /// The name of the group's rule, or `nil` if all groups have the same rule.
  package var optimizer: String?

  private enum NamedKeys: String, CodingKey {
    case parameters, optimizer
  }

  /// Creates the settings of a group of these parameters and options.
  package init(parameters: [String], options: some UpdateRule) throws {
    self.parameters = parameters
    self.options = try JSONText.members(of: options)
  }

  /// Returns the options as an optimizer takes them. The error says which names or values are refused.
  package func options<Options: UpdateRule>(as type: Options.Type) throws -> Options {
    try JSONText.decode(Options.self, from: .object(options))
  }

  package init(from decoder: any Decoder) throws {
    // Decoded by keys, so that an error names its place.
    let container = try decoder.container(keyedBy: NamedKeys.self)
    parameters = try container.decodeIfPresent([String].self, forKey: .parameters)
    optimizer = try container.decodeIfPresent(String.self, forKey: .optimizer)
    options = try [String: JSONValue](from: decoder).filter { NamedKeys(stringValue: $0.key) == nil }
  }

  package func encode(to encoder: any Encoder) throws {
    var members = options
    members[NamedKeys.optimizer.rawValue] = optimizer.map(JSONValue.string)
    members[NamedKeys.parameters.rawValue] = parameters.map { .array($0.map(JSONValue.string)) }
    try members.encode(to: encoder)
  }
}

/// The names of an optimizer's state in a file: `<parameter>.<part>`, with the reference's names for the
/// parts.
///
/// A part has no dot, so the last dot of a name separates the part, whatever the parameter's name is.
package enum StateNames {
  /// The part that every state has: the number of steps taken.
  package static let step = "step"

  /// The key of the metadata that names the kind of optimizer.
  package static let optimizerKey = "optimizer"

  /// The key of the metadata that holds the groups: `GroupSettings` as JSON.
  package static let groupsKey = "groups"

  /// Returns the name of a part of a parameter's state.
  package static func name(of part: String, _ parameter: String) -> String {
    guard !part.utf8.contains(UInt8(ascii: ".")) else {
      fatalError("The part \"\(part)\" of a state cannot be saved: the name of a part has no dot.")
    }
    return "\(parameter).\(part)"
  }

  /// Returns the parameter and the part that a name consists of, or `nil` if it has no dot.
  package static func split(_ name: String) -> (parameter: String, part: String)? {
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
    return (String(name[..<dot]), String(name[name.utf8.index(after: dot)...]))
  }
}

/// How a file names an optimizer's state: `<parameter>.<part>`, the parts as the reference's state has them.
///
/// A part has no dot, so that the last dot of a name divides it, whatever the parameter is called.
package enum StateNames {
  /// The part that every state has: the number of steps taken.
  package static let step = "step"

  /// The key of the metadata that names the kind of optimizer.
  package static let optimizerKey = "optimizer"

  /// The key of the metadata that holds the groups: `GroupSettings` as JSON.
  package static let groupsKey = "groups"

  /// The name of a part of a parameter's state.
  package static func name(of part: String, _ parameter: String) -> String {
    guard !part.utf8.contains(UInt8(ascii: ".")) else {
      fatalError("The part \"\(part)\" of a state cannot be saved: the name of a part has no dot.")
    }
    return "\(parameter).\(part)"
  }

  /// The parameter and the part that a name stands for; nil where it has no dot.
  package static func split(_ name: String) -> (parameter: String, part: String)? {
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
    return (String(name[..<dot]), String(name[name.utf8.index(after: dot)...]))
  }
}

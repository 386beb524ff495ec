import Checkpoints
import Safetensors
import ScalarTypes

/// The configuration of `adafactor step`: the optimizer and its groups.
struct StepConfiguration {
  let path: String
  let optimizer: OptimizerKind
  let groups: [GroupSettings]

  /// Reads the file at `path`. Errors name the file and the problem.
  init(path: String) throws {
    self.path = path
    let json = try WholeFile.read(path)
    let members: [String: JSONValue]
    do {
      try JSONProblem.check(json)
      members = try JSONText.decode([String: JSONValue].self, from: json)
      groups = try JSONText.decode([GroupSettings].self, from: members["groups"] ?? .array([]))
    } catch let problem as JSONProblem {
      throw ToolFileError(path: path, line: problem.line, problem: problem.description)
    } catch {
      throw ToolFileError(path: path, problem: JSONText.problem(error))
    }
    func failure(_ problem: String) -> ToolFileError { ToolFileError(path: path, problem: problem) }
    if let unknown = members.keys.sorted().first(where: { !["optimizer", "groups"].contains($0) }) {
      throw failure("\"\(unknown)\" is neither \"optimizer\" nor \"groups\"")
    }
    let known = OptimizerKind.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
    guard case .string(let name) = members["optimizer"] else {
      throw failure("\"optimizer\" must be one of \(known)")
    }
    guard let kind = OptimizerKind(rawValue: name) else {
      throw failure("the optimizer \"\(name)\" is not one of \(known)")
    }
    optimizer = kind
    guard !groups.isEmpty else {
      throw failure("\"groups\" must hold at least one group; [{}] takes all parameters")
    }
    let open = groups.indices.filter { groups[$0].parameters == nil }
    guard open.count <= 1 else {
      throw failure(
        "groups \(open[0]) and \(open[1]) have no \"parameters\": only one group can omit them")
    }
  }

  /// Returns the groups with the names and options of their parameters, each checked.
  func resolvedGroups<Rule: FileRule>(
    for type: Rule.Type, parameters file: SafetensorsFile
  ) throws -> [(parameters: [String], options: Rule)] {
    let parameters = file.tensors.filter { $0.scalarType.scalarType != nil }.map(\.name)
    let known = Set(parameters.map { ExactString($0) })
    var taken: [ExactString: Int] = [:]
    for (index, group) in groups.enumerated() {
      for name in group.parameters ?? [] {
        guard known.contains(ExactString(name)) else {
          let problem =
            file.header.tensor(named: name).map {
              "is \($0.scalarType) in \(file.path): no step can change it"
            }
            ?? "is not in \(file.path)"
          throw ToolFileError(path: path, problem: "groups[\(index)]: the parameter \"\(name)\" \(problem)")
        }
        if let other = taken.updateValue(index, forKey: ExactString(name)) {
          throw ToolFileError(
            path: path,
            problem: other == index
              ? "groups[\(index)] names the parameter \"\(name)\" twice"
              : "the parameter \"\(name)\" is in groups[\(other)] and in groups[\(index)]")
        }
      }
    }
    return try groups.enumerated().map { index, group in
      do {
        let names = group.parameters ?? parameters.filter { taken[ExactString($0)] == nil }
        return (names, try group.options(as: Rule.self))
      } catch {
        throw ToolFileError(path: path, problem: "groups[\(index)]: \(problem(error, of: group, Rule.self))")
      }
    }
  }

  /// Returns the problem with a group. For a number that its type cannot hold, Foundation says only that the
  /// JSON is invalid. The option that also fails without the others is the cause.
  private func problem<Rule: FileRule>(_ error: any Error, of group: GroupSettings, _ type: Rule.Type)
    -> String
  {
    guard error is DecodingError else { return "\(error)" }
    for (name, value) in group.options.sorted(by: { $0.key < $1.key }) {
      do {
        _ = try JSONText.decode(Rule.self, from: .object([name: value]))
      } catch DecodingError.dataCorrupted(let context) {
        let text = (try? JSONText.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
        return
          "\(name) is \(text), which is "
          + "\(context.codingPath.isEmpty ? "out of range" : "not one of its values")"
      } catch {
        // The value is valid without the others: another option is the cause, or several together.
      }
    }
    return JSONText.problem(error)
  }
}

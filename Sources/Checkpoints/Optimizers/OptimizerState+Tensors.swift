import Optimizers
import Tensors

extension OptimizerState {
  /// Returns the state as a file holds it: tensors, numbers and steps by name, groups in the metadata.
  ///
  /// The metadata names the optimizer. If groups have different rules, each group names its own rule under
  /// the key `optimizer`, and the optimizer's name consists of the names of its rules, joined by `+`.
  func collection() throws(CheckpointError) -> TensorCollection {
    var collection = TensorCollection()
    for (parameter, state) in parameters {
      for (part, tensor) in state.tensors {
        collection.tensors[StateNames.name(of: part, parameter)] = tensor
      }
      for (part, number) in state.numbers {
        collection.tensors[StateNames.name(of: part, parameter)] = Tensor(scalars: [number], shape: [])
      }
      collection.integers[StateNames.name(of: StateNames.step, parameter)] = state.step
    }
    let names = groups.map { type(of: $0.options).name }
    let optimizer = Self.optimizerName(names)
    do {
      let settings = try groups.map { group in
        var settings = try GroupSettings(parameters: group.parameters, options: group.options)
        if Set(names).count > 1 { settings.optimizer = type(of: group.options).name }
        return settings
      }
      let text = String(decoding: try JSONText.encode(settings), as: UTF8.self)
      collection.metadata = [StateNames.optimizerKey: optimizer, StateNames.groupsKey: text]
    } catch {
      throw .unencodable(name: "the options of \(optimizer)", problem: JSONText.problem(error))
    }
    return collection
  }

  /// Returns the name of an optimizer with these rules in its groups: each name once, in the order of the
  /// groups.
  fileprivate static func optimizerName(_ names: [String]) -> String {
    names.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }.joined(separator: "+")
  }
}

extension Optimizer {
  /// Returns the state in a collection, for this optimizer to restore.
  ///
  /// - Parameter path: The origin of the collection, for messages.
  func state(in collection: TensorCollection, path: String) throws(CheckpointError) -> OptimizerState {
    let here = state().groups.map { type(of: $0.options) as any UpdateRule.Type }
    let groups = try savedGroups(collection, rules: here, path: path)
    var rules: [String: any UpdateRule.Type] = [:]
    for group in groups {
      for name in group.parameters { rules[name] = type(of: group.options) as any UpdateRule.Type }
    }
    return OptimizerState(groups: groups, parameters: try savedStates(collection, rules: rules, path: path))
  }

  private func savedGroups(
    _ collection: TensorCollection, rules: [any UpdateRule.Type], path: String
  ) throws(CheckpointError) -> [OptimizerState.Group] {
    guard let saved = collection.metadata[StateNames.optimizerKey] else {
      throw .malformed(
        path: path, place: "metadata",
        problem: "does not contain \"\(StateNames.optimizerKey)\": not the state of an optimizer")
    }
    let here = OptimizerState.optimizerName(rules.map { $0.name })
    guard saved == here else { throw .mismatch(StateMismatch([.optimizer(saved: saved, here: here)])) }
    do {
      let text = [UInt8]((collection.metadata[StateNames.groupsKey] ?? "").utf8)
      return try JSONText.decode([GroupSettings].self, from: text).map { settings in
        let name = settings.optimizer ?? saved
        guard let rule = rules.first(where: { $0.name == name }) else {
          throw CheckpointError.mismatch(StateMismatch([.optimizer(saved: name, here: here)]))
        }
        return .init(parameters: settings.parameters ?? [], options: try settings.options(as: rule))
      }
    } catch let error as CheckpointError {
      throw error
    } catch {
      throw .malformed(
        path: path, place: "metadata \"\(StateNames.groupsKey)\"", problem: JSONText.problem(error))
    }
  }

  private func savedStates(
    _ collection: TensorCollection, rules: [String: any UpdateRule.Type], path: String
  ) throws(CheckpointError) -> [String: any ParameterState] {
    var parts: [String: StateParts] = [:]
    for (name, integer) in collection.integers {
      guard let (parameter, part) = StateNames.split(name), part == StateNames.step else {
        throw unknownPart(name, of: [], path: path)
      }
      parts[parameter, default: StateParts()].step = integer
    }
    for (name, tensor) in collection.tensors {
      guard let (parameter, part) = StateNames.split(name) else {
        throw unknownPart(name, of: [], path: path)
      }
      // Restoring reports a parameter that no group names as a difference. Until then, any rule is suitable.
      let (tensorNames, numberNames) = (rules[parameter] ?? rules.values.first)?.partNames ?? ([], [])
      if part == StateNames.step {
        // torch counts the steps of some optimizers in floating point.
        guard tensor.shape == [], let step = Int(exactly: tensor[]) else {
          throw .malformed(
            path: path, place: name,
            problem: "\(tensor.shape == [] ? "\(tensor[])" : "a tensor"), must be a whole number")
        }
        parts[parameter, default: StateParts()].step = step
      } else if numberNames.contains(part) {
        guard tensor.shape == [] else {
          throw .malformed(path: path, place: name, problem: "shape \(tensor.shape), must be a single number")
        }
        parts[parameter, default: StateParts()].numbers[part] = tensor[]
      } else if tensorNames?.contains(part) ?? true {
        parts[parameter, default: StateParts()].tensors[part] = tensor
      } else {
        throw unknownPart(name, of: (tensorNames ?? []) + numberNames, path: path)
      }
    }
    var states: [String: any ParameterState] = [:]
    for (parameter, parts) in parts.sorted(by: { $0.key < $1.key }) {
      guard let step = parts.step else {
        throw .malformed(
          path: path, place: StateNames.name(of: StateNames.step, parameter), problem: "is missing")
      }
      guard let rule = rules[parameter] ?? rules.values.first else { continue }
      states[parameter] = rule.state(step, parts)
    }
    return states
  }

  private func unknownPart(_ name: String, of parts: [String], path: String) -> CheckpointError {
    let known = [StateNames.step] + parts
    return .malformed(
      path: path, place: name,
      problem:
        "not part of this optimizer's state; its parts are <parameter>.\(known.joined(separator: ", ."))"
    )
  }
}

/// The parts of one parameter's state in a file.
private struct StateParts {
  var step: Int?
  var tensors: [String: Tensor] = [:]
  var numbers: [String: Double] = [:]
}

extension UpdateRule {
  /// The names of the tensors, or `nil` for any names, and of the numbers that a state can have.
  fileprivate static var partNames: (tensors: [String]?, numbers: [String]) {
    (State.tensorNames, State.numberNames)
  }

  fileprivate static func state(_ step: Int, _ parts: StateParts) -> any ParameterState {
    State(step: step, tensors: parts.tensors, numbers: parts.numbers)
  }
}

// MARK: Files

extension Optimizer {
  /// Writes the optimizer's state to a safetensors file, which appears at `path` complete or not at all.
  public func saveState(to path: String) throws(CheckpointError) {
    try state().collection().write(to: path)
  }

  /// Restores the state in a safetensors file, as `restore(_:)` does.
  ///
  /// `scripts/convert_state.py` converts states that Python's optimizers saved to this format.
  ///
  /// - Throws: ``CheckpointError``. The optimizer is unchanged then.
  public func restoreState(from path: String) throws(CheckpointError) {
    let state = try state(in: TensorCollection(path: path), path: path)
    try CheckpointError.wrapping(CheckpointError.mismatch) { () throws(StateMismatch) in try restore(state) }
  }
}

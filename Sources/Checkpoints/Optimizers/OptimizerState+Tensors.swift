import Optimizers
import Tensors

extension OptimizerState {
  /// The state as a file holds it: moments and steps by name, groups in the metadata.
  func collection(optimizer name: String) throws(CheckpointError) -> TensorCollection {
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
    do {
      let settings = try groups.map { try GroupSettings(parameters: $0.parameters, options: $0.options) }
      let text = String(decoding: try JSONText.encode(settings), as: UTF8.self)
      collection.metadata = [StateNames.optimizerKey: name, StateNames.groupsKey: text]
    } catch {
      throw .unencodable(name: "the options of \(name)", problem: JSONText.problem(error))
    }
    return collection
  }

  /// The state that a file holds.
  ///
  /// - Parameters:
  ///   - collection: The file's contents.
  ///   - name: The kind of optimizer that the state must be of.
  ///   - path: Where it comes from, for messages.
  init(_ collection: TensorCollection, optimizer name: String, path: String) throws(CheckpointError) {
    try self.init(
      groups: Self.groups(collection, optimizer: name, path: path),
      parameters: Self.states(collection, path: path))
  }

  private static func groups(
    _ collection: TensorCollection, optimizer name: String, path: String
  ) throws(CheckpointError) -> [Group] {
    guard let saved = collection.metadata[StateNames.optimizerKey] else {
      throw .malformed(
        path: path, place: "metadata",
        problem: "no \"\(StateNames.optimizerKey)\": not the state of an optimizer")
    }
    guard saved == name else { throw .mismatch(StateMismatch([.optimizer(saved: saved, here: name)])) }
    do {
      let text = [UInt8]((collection.metadata[StateNames.groupsKey] ?? "").utf8)
      return try JSONText.decode([GroupSettings].self, from: text).map { settings in
        Group(parameters: settings.parameters ?? [], options: try settings.options(as: Options.self))
      }
    } catch {
      throw .malformed(
        path: path, place: "metadata \"\(StateNames.groupsKey)\"", problem: JSONText.problem(error))
    }
  }

  private static func states(
    _ collection: TensorCollection, path: String
  ) throws(CheckpointError) -> [String: ParameterState] {
    var tensors: [String: [String: Tensor]] = [:]
    var numbers: [String: [String: Double]] = [:]
    var steps: [String: Int] = [:]
    for (name, integer) in collection.integers {
      guard let (parameter, part) = StateNames.split(name), part == StateNames.step else {
        throw unknownPart(name, path: path)
      }
      steps[parameter] = integer
    }
    for (name, tensor) in collection.tensors {
      guard let (parameter, part) = StateNames.split(name) else { throw unknownPart(name, path: path) }
      if part == StateNames.step {
        steps[parameter] = try step(tensor, name: name, path: path)
      } else if ParameterState.tensorNames.contains(part) {
        tensors[parameter, default: [:]][part] = tensor
      } else if ParameterState.numberNames.contains(part) {
        guard tensor.shape == [] else {
          throw .malformed(path: path, place: name, problem: "shape \(tensor.shape), must be a single number")
        }
        numbers[parameter, default: [:]][part] = tensor[]
      } else {
        throw unknownPart(name, path: path)
      }
    }
    for parameter in Set(tensors.keys).union(numbers.keys).sorted() where steps[parameter] == nil {
      throw .malformed(
        path: path, place: StateNames.name(of: StateNames.step, parameter), problem: "there is none")
    }
    return steps.reduce(into: [:]) { states, entry in
      states[entry.key] = ParameterState(
        step: entry.value, tensors: tensors[entry.key] ?? [:], numbers: numbers[entry.key] ?? [:])
    }
  }

  /// torch counts the steps of some optimizers in floating-point.
  private static func step(
    _ tensor: Tensor, name: String, path: String
  ) throws(CheckpointError) -> Int {
    guard tensor.shape == [], let step = Int(exactly: tensor[]) else {
      throw .malformed(
        path: path, place: name,
        problem: "\(tensor.shape == [] ? "\(tensor[])" : "a tensor"), must be a whole number")
    }
    return step
  }

  private static func unknownPart(_ name: String, path: String) -> CheckpointError {
    let known = [StateNames.step] + ParameterState.tensorNames + ParameterState.numberNames
    return .malformed(
      path: path, place: name,
      problem: "not a part of this optimizer's state; those are <parameter>.\(known.joined(separator: ", ."))"
    )
  }
}

// MARK: Files

extension RestorableOptimizer {
  /// Writes the optimizer's state to a safetensors file, which appears at `path` whole or not at all.
  public func saveState(to path: String) throws(CheckpointError) {
    try state().collection(optimizer: Self.name).write(to: path)
  }

  /// Goes on from the state in a safetensors file, as by `restore(_:)`.
  ///
  /// `scripts/convert_state.py` makes such files of what Python's optimizers saved.
  ///
  /// - Throws: ``CheckpointError``, with everything as it was.
  public func restoreState(from path: String) throws(CheckpointError) {
    let state = try OptimizerState<Options, State>(
      TensorCollection(path: path), optimizer: Self.name, path: path)
    do {
      try restore(state)
    } catch {
      throw .mismatch(error)
    }
  }
}

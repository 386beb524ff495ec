/// A value that holds everything that a training run needs to resume with the same bits.
///
/// It holds collections of tensors and encodable values by name: model, optimizer, schedulers, random
/// generators, accumulated gradients, loss scale.
///
///     var checkpoint = try Checkpoint(
///       position: position, model: model.parameters, optimizer: optimizer,
///       schedulers: [scheduler])
///     try checkpoint.setValue(generator, for: "shuffling")
///     try directory.save(checkpoint)
///
/// To resume after a restart:
///
///     if let found = try directory.latest() {
///       found.damaged.forEach { print("skipped: \($0)") }
///       try found.checkpoint.restore(
///         model: model.parameters, optimizer: optimizer, schedulers: [scheduler])
///       generator = try found.checkpoint.value(SeededGenerator.self, for: "shuffling")
///       position = found.checkpoint.position
///     }
public struct Checkpoint: Sendable {
  /// The position of the training run.
  public var position: TrainingPosition

  /// The collections of tensors by name: `model`, `optimizer`, and those that you add. Each collection is a
  /// separate file. Its name is the start of the file name, so it has no slash and does not begin with a dot.
  public var collections: [String: TensorCollection]

  var values: [String: JSONValue] = [:]

  /// Creates a checkpoint of only a position and tensors.
  public init(position: TrainingPosition, collections: [String: TensorCollection] = [:]) {
    self.position = position
    self.collections = collections
  }

  /// Stores a value under a name.
  ///
  /// - Throws: ``CheckpointError/unencodable(name:problem:)`` if JSON cannot hold the value.
  public mutating func setValue(_ value: some Encodable, for name: String) throws(CheckpointError) {
    let unencodable = { CheckpointError.unencodable(name: name, problem: JSONText.problem($0)) }
    values[name] = try CheckpointError.wrapping(unencodable) { try JSONText.value(of: value) }
  }

  /// Returns the value that is stored under a name.
  ///
  /// - Throws: ``CheckpointError/missing(name:)`` if there is no such value, and
  ///   ``CheckpointError/malformed(path:place:problem:)`` if it has another type.
  public func value<Value: Decodable>(
    _ type: Value.Type, for name: String
  ) throws(CheckpointError) -> Value {
    guard let value = values[name] else { throw .missing(name: name) }
    do {
      return try JSONText.decode(type, from: value)
    } catch {
      throw .malformed(path: "the checkpoint", place: name, problem: JSONText.problem(error))
    }
  }

  /// The names of all values.
  public var valueNames: [String] { values.keys.sorted() }
}

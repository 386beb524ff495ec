/// A value that holds everything a training needs to resume with the same bits.
///
/// It holds collections of tensors and encodable values by name: model, optimizer, schedulers, random
/// generators, accumulated gradients, loss scale.
///
///     var checkpoint = try Checkpoint(position: position, model: model.parameters, optimizer: optimizer,
///       schedulers: [scheduler])
///     try checkpoint.setValue(generator, for: "shuffling")
///     try directory.save(checkpoint)
///
/// and after a start
///
///     if let found = try directory.latest() {
///       found.damaged.forEach { print("not used: \($0)") }
///       try found.checkpoint.restore(model: model.parameters, optimizer: optimizer, schedulers: [scheduler])
///       generator = try found.checkpoint.value(SeededGenerator.self, for: "shuffling")
///       position = found.checkpoint.position
///     }
public struct Checkpoint: Sendable {
  /// The position of the training.
  public var position: TrainingPosition

  /// Tensors by the name of their collection, each of which is a file of its own: `model`, `optimizer`, and
  /// what a training adds. A name is the start of a file's: without slashes, and not beginning with a dot.
  public var collections: [String: TensorCollection]

  var values: [String: JSONValue] = [:]

  /// A checkpoint of nothing but a position and tensors.
  public init(position: TrainingPosition, collections: [String: TensorCollection] = [:]) {
    self.position = position
    self.collections = collections
  }

  /// Keeps a value under a name.
  ///
  /// - Throws: ``CheckpointError/unencodable(name:problem:)`` for what JSON cannot hold.
  public mutating func setValue(_ value: some Encodable, for name: String) throws(CheckpointError) {
    let unencodable = { CheckpointError.unencodable(name: name, problem: JSONText.problem($0)) }
    values[name] = try CheckpointError.wrapping(unencodable) { try JSONText.value(of: value) }
  }

  /// The value that was kept under a name.
  ///
  /// - Throws: ``CheckpointError/missing(name:)`` where there is none, and
  ///   ``CheckpointError/malformed(path:place:problem:)`` for one of another type.
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

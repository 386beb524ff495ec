/// The two entries that a schedule is saved as whose type is erased.
private enum ErasedKeys: String, CodingKey { case kind, settings }

extension Encoder {
  /// Writes the kind of a type and a value of it.
  func encode(erased base: any Encodable, kind: String) throws {
    var container = container(keyedBy: ErasedKeys.self)
    try container.encode(kind, forKey: .kind)
    try base.encode(to: container.superEncoder(forKey: .settings))
  }
}

extension Decoder {
  /// The first of `types` that has the kind that was written.
  func erasedType<Kind>(among types: [Kind], kind: (Kind) -> String) throws -> Kind {
    let written = try container(keyedBy: ErasedKeys.self).decode(String.self, forKey: .kind)
    guard let type = types.first(where: { kind($0) == written }) else {
      throw ScheduleError.unknownKind(written)
    }
    return type
  }

  /// Where the value itself is.
  func erasedSettings() throws -> any Decoder {
    try container(keyedBy: ErasedKeys.self).superDecoder(forKey: .settings)
  }
}

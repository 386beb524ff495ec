extension SafetensorsHeader {
  /// The header of a file, from its first bytes.
  ///
  /// What the Python package reads, this reads, except where the format's text forbids it: duplicate names,
  /// white space before the opening brace, other padding than spaces, an entry written as an array, metadata
  /// that is not an object of strings. Unknown members of an entry are ignored, as there: a later version can
  /// only add what does not change the meaning of the others. Lengths must fit an `Int`.
  ///
  /// - Parameters:
  ///   - fileBytes: at least the length and the header; more is not looked at.
  ///   - fileByteCount: the size of the whole file, if `fileBytes` are only its beginning.
  /// - Throws: ``SafetensorsError`` with the byte offset or the tensor's name.
  /// - Complexity: O(*n* log *n*) time for *n* bytes of header, memory proportional to them.
  public init(fileBytes: [UInt8], fileByteCount: Int? = nil) throws(SafetensorsError) {
    let fileByteCount = fileByteCount ?? fileBytes.count
    let byteCount = try Self.jsonByteCount(
      prefix: fileBytes.prefix(Self.lengthByteCount), fileByteCount: fileByteCount)
    let end = Self.lengthByteCount + byteCount
    guard end <= fileBytes.count else {
      throw SafetensorsError(.headerBeyondEnd(headerByteCount: byteCount, fileByteCount: fileBytes.count))
    }
    var scanner = JSONScanner(fileBytes, Self.lengthByteCount..<end)
    guard scanner.take("{") else { throw scanner.malformed("the header must begin with \"{\"") }
    var entries: [Entry] = []
    var metadata: [String: String] = [:]
    try scanner.members(of: "the header", key: "a name") { (scanner, name, _) throws(SafetensorsError) in
      if name == Self.metadataKey {
        metadata = try Self.metadata(&scanner)
      } else {
        entries.append(try Entry(named: name, &scanner))
      }
    }
    try scanner.expectPaddingToEnd()
    let tensors = try Self.tensors(entries, dataByteCount: fileByteCount - end)
    let places = Dictionary(uniqueKeysWithValues: zip(tensors.lazy.map(\.name.bytes), tensors.indices))
    self.init(tensors: tensors, metadata: metadata, places: places)
  }

  /// The length of the JSON that follows a file's first eight bytes.
  static func jsonByteCount(
    prefix: some Collection<UInt8>, fileByteCount: Int
  ) throws(SafetensorsError) -> Int {
    guard prefix.count == lengthByteCount else {
      throw SafetensorsError(.noHeaderLength(fileByteCount: prefix.count))
    }
    let byteCount = prefix.reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    guard byteCount <= UInt64(byteCountLimit) else {
      throw SafetensorsError(.headerTooLong(byteCount: byteCount))
    }
    guard lengthByteCount + Int(byteCount) <= fileByteCount else {
      throw SafetensorsError(.headerBeyondEnd(headerByteCount: Int(byteCount), fileByteCount: fileByteCount))
    }
    return Int(byteCount)
  }

  /// Puts entries in the order of their data, and checks that these follow each other and fit the shapes.
  private static func tensors(
    _ entries: [Entry], dataByteCount: Int
  ) throws(SafetensorsError) -> [SafetensorsTensor] {
    // Empty tensors share their place with the next: the order of the header decides between them.
    let order = entries.indices.sorted { left, right in
      (entries[left].begin, entries[left].end, left) < (entries[right].begin, entries[right].end, right)
    }
    var tensors: [SafetensorsTensor] = []
    tensors.reserveCapacity(entries.count)
    var expectedBegin = 0
    for entry in order.lazy.map({ entries[$0] }) {
      let (name, begin, end) = (entry.descriptor.name, entry.begin, entry.end)
      guard begin == expectedBegin, begin <= end else {
        throw SafetensorsError(.misplaced(tensor: name, begin: begin, end: end, expectedBegin: expectedBegin))
      }
      let byteCount = try entry.descriptor.byteCount()
      guard end - begin == byteCount else {
        throw SafetensorsError(.wrongByteCount(tensor: name, expected: byteCount, found: end - begin))
      }
      tensors.append(SafetensorsTensor(descriptor: entry.descriptor, byteRange: begin..<end))
      expectedBegin = end
    }
    guard expectedBegin == dataByteCount else {
      throw SafetensorsError(.wrongDataByteCount(expected: expectedBegin, found: dataByteCount))
    }
    return tensors
  }

  /// The object of strings under the key for metadata.
  ///
  /// Keys that `String` holds equal though their bytes differ are refused with the duplicates.
  private static func metadata(_ scanner: inout JSONScanner) throws(SafetensorsError) -> [String: String] {
    try scanner.expect("{", in: metadataKey)
    var metadata: [String: String] = [:]
    try scanner.members(of: metadataKey, key: "a key of \(metadataKey)") {
      (scanner, key, offset) throws(SafetensorsError) in
      let value = try scanner.string("a value of \(metadataKey)")
      guard metadata.updateValue(value, forKey: key) == nil else {
        throw SafetensorsError(.duplicateName(key, offset: offset))
      }
    }
    return metadata
  }
}

/// A tensor as the header has it: its offsets are not yet known to make sense.
private struct Entry {
  let descriptor: SafetensorsDescriptor
  let begin: Int
  let end: Int

  /// The object behind a tensor's name and colon.
  init(named name: String, _ scanner: inout JSONScanner) throws(SafetensorsError) {
    let start = scanner.offset
    let context = "tensor \(name.debugDescription)"
    try scanner.expect("{", in: context)
    var scalarType: SafetensorsScalarType?
    var shape: [Int]?
    var range: [Int]?
    try scanner.members(of: context, key: "a key of \(context)") {
      (scanner, key, _) throws(SafetensorsError) in
      switch key {
      case "dtype":
        let dtype = try scanner.string("the dtype of \(context)")
        scalarType = SafetensorsScalarType(rawValue: dtype)
        guard scalarType != nil else {
          throw SafetensorsError(.unknownScalarType(tensor: name, scalarType: dtype))
        }
      case "shape":
        shape = try Self.counts(&scanner, "the shape of \(context)")
      case "data_offsets":
        let offset = scanner.offset
        range = try Self.counts(&scanner, "data_offsets of \(context)")
        guard range?.count == 2 else {
          throw scanner.malformed("data_offsets of \(context) must be two", at: offset)
        }
      default:
        try scanner.skipValue()
      }
    }
    guard let scalarType, let shape, let range else {
      let missing = scalarType == nil ? "dtype" : shape == nil ? "shape" : "data_offsets"
      throw scanner.malformed("\(context) has no \(missing)", at: start)
    }
    descriptor = SafetensorsDescriptor(name, scalarType, shape: shape)
    begin = range[0]
    end = range[1]
  }

  /// An array of non-negative integers.
  private static func counts(
    _ scanner: inout JSONScanner, _ context: String
  ) throws(SafetensorsError) -> [Int] {
    try scanner.expect("[", in: context)
    var counts: [Int] = []
    guard !scanner.take("]") else { return counts }
    repeat {
      counts.append(try scanner.count(context))
    } while try scanner.continues(until: "]", in: context)
    return counts
  }
}

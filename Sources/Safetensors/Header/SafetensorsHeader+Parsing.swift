import ScalarTypes

extension SafetensorsHeader {
  /// Creates the header of a file from its first bytes.
  ///
  /// <doc:Safetensors> lists everything that the Python package reads and this initializer refuses. Unknown
  /// members of an entry are ignored, as in Python: a later version can only add members that do not change
  /// the meaning of the others.
  ///
  /// - Parameters:
  ///   - fileBytes: At least the length and the header. More bytes are not examined.
  ///   - fileByteCount: The size of the whole file, if `fileBytes` are only its beginning.
  /// - Throws: ``SafetensorsError`` with the byte offset or the tensor's name.
  /// - Complexity: O(*n* log *n*) time for *n* bytes of header, and at most 6 *n* bytes of memory with
  ///   `fileBytes`.
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
    var tensors: [SafetensorsTensor] = []
    var metadata: [String: String] = [:]
    try scanner.members(of: "the header", key: "a name") { (scanner, name, _) throws(SafetensorsError) in
      if ExactString(name) == Self.metadataKey {
        metadata = try Self.metadata(&scanner)
      } else {
        tensors.append(try Self.tensor(named: name, &scanner))
      }
    }
    try scanner.expectPaddingToEnd()
    // The sort is stable: an empty tensor begins at the same offset as the next tensor, and the header's
    // order decides.
    tensors.sort { left, right in
      let (left, right) = (left.byteRange, right.byteRange)
      return (left.lowerBound, left.upperBound) < (right.lowerBound, right.upperBound)
    }
    try Self.check(tensors, dataByteCount: fileByteCount - end)
    self.init(tensors: tensors, metadata: metadata, places: Self.places(of: tensors))
  }

  /// Returns the length of the JSON that follows a file's first eight bytes.
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

  /// Checks that tensors in the order of their data follow each other and match their shapes.
  private static func check(_ tensors: [SafetensorsTensor], dataByteCount: Int) throws(SafetensorsError) {
    var expectedBegin = 0
    for tensor in tensors {
      let (begin, end) = (tensor.byteRange.lowerBound, tensor.byteRange.upperBound)
      guard begin == expectedBegin else {
        throw SafetensorsError(
          .misplaced(tensor: tensor.name, begin: begin, end: end, expectedBegin: expectedBegin))
      }
      let byteCount = try tensor.descriptor.byteCount()
      guard end - begin == byteCount else {
        throw SafetensorsError(
          .wrongByteCount(tensor: tensor.name, expected: byteCount, found: end - begin))
      }
      expectedBegin = end
    }
    guard expectedBegin == dataByteCount else {
      throw SafetensorsError(.wrongDataByteCount(expected: expectedBegin, found: dataByteCount))
    }
  }

  /// The maximum number of metadata keys, and of bytes in a key. A larger dictionary takes over 6 times the
  /// header's size.
  private static let metadataLimit = 1_000_000

  /// Returns the object of strings under the metadata key, or an empty dictionary for null.
  ///
  /// Keys with different bytes that are equal as `String` are refused as duplicates.
  private static func metadata(_ scanner: inout JSONScanner) throws(SafetensorsError) -> [String: String] {
    if try scanner.takeNull() { return [:] }
    let context = metadataKey.text
    try scanner.expect("{", in: context)
    var metadata: [String: String] = [:]
    try scanner.members(of: context, key: "a key of \(context)") {
      (scanner, key, offset) throws(SafetensorsError) in
      guard metadata.count < metadataLimit, key.utf8.count <= metadataLimit else {
        throw scanner.malformed(
          "\(context) has more than \(metadataLimit) keys, or a key of more bytes", at: offset)
      }
      let value = try scanner.string("a value of \(context)")
      guard metadata.updateValue(value, forKey: key) == nil else {
        throw SafetensorsError(.duplicateName(key, offset: offset))
      }
    }
    return metadata
  }

  /// Returns the tensor that the object after a name and a colon describes. Its byte range has not been
  /// checked yet.
  private static func tensor(
    named name: String, _ scanner: inout JSONScanner
  ) throws(SafetensorsError) -> SafetensorsTensor {
    let start = scanner.offset
    func context() -> String { "tensor \(name.debugDescription)" }
    try scanner.expect("{", in: context())
    var scalarType: SafetensorsScalarType?
    var shape: [Int]?
    var range: [Int]?
    // There may be many unknown keys, and Python does not examine them.
    try scanner.members(of: context(), key: "a key of \(context())", namesMayRepeat: true) {
      (scanner, key, offset) throws(SafetensorsError) in
      let key = ExactString(key)
      let isRepeated =
        key == "dtype" && scalarType != nil || key == "shape" && shape != nil
        || key == "data_offsets" && range != nil
      guard !isRepeated else { throw SafetensorsError(.duplicateName(key.text, offset: offset)) }
      switch key {
      case "dtype":
        let dtype = try scanner.string("the dtype of \(context())")
        scalarType = SafetensorsScalarType(rawValue: dtype)
        guard scalarType != nil else {
          throw SafetensorsError(.unknownScalarType(tensor: name, scalarType: dtype))
        }
      case "shape":
        shape = try scanner.counts("the shape of \(context())")
      case "data_offsets":
        let offset = scanner.offset
        range = try scanner.counts("data_offsets of \(context())")
        guard range?.count == 2 else {
          throw scanner.malformed("data_offsets of \(context()) must be two", at: offset)
        }
      default:
        try scanner.skipValue()
      }
    }
    guard let scalarType, let shape, let range else {
      let missing = scalarType == nil ? "dtype" : shape == nil ? "shape" : "data_offsets"
      throw scanner.malformed("\(context()) has no \(missing)", at: start)
    }
    guard range[0] <= range[1] else {
      throw SafetensorsError(
        .misplaced(tensor: name, begin: range[0], end: range[1], expectedBegin: range[0]))
    }
    return SafetensorsTensor(
      descriptor: SafetensorsDescriptor(name, scalarType, shape: shape), byteRange: range[0]..<range[1])
  }
}

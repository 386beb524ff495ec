/// An error in reading or writing a safetensors file.
public struct SafetensorsError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of problem.
  public enum Reason: Hashable, Sendable {
    /// The system refused an operation on the file.
    case file(FileError)
    /// The path names a directory, a pipe or a device.
    case notARegularFile
    /// The file is shorter than the eight bytes of the header's length.
    case noHeaderLength(fileByteCount: Int)
    /// The header's length exceeds ``SafetensorsHeader/byteCountLimit``.
    case headerTooLong(byteCount: UInt64)
    /// According to its length, the header ends after the end of the file.
    case headerBeyondEnd(headerByteCount: Int, fileByteCount: Int)
    /// The header is not the JSON that the format requires; `offset` counts from the start of the file.
    case malformedHeader(offset: Int, problem: String)
    /// A name occurs twice in the header; `offset` is the start of its second occurrence in the file.
    case duplicateName(String, offset: Int)
    /// The format has no such element type.
    case unknownScalarType(tensor: String, scalarType: String)
    /// A tensor's size in bytes or its position in the file exceeds `Int`.
    case sizeOverflow(tensor: String, shape: [Int])
    /// A tensor of a type smaller than a byte does not end on a byte boundary.
    case partialByte(tensor: String, scalarType: SafetensorsScalarType, shape: [Int])
    /// A tensor's bytes do not begin at the end of the previous tensor's, or end before they begin.
    case misplaced(tensor: String, begin: Int, end: Int, expectedBegin: Int)
    /// The number of bytes of a tensor does not match its shape and type.
    case wrongByteCount(tensor: String, expected: Int, found: Int)
    /// The tensors do not cover the data exactly.
    case wrongDataByteCount(expected: Int, found: Int)
    /// The file was shortened after its header was read; `offset` is its end.
    case truncated(offset: Int)
    /// No tensor has this name.
    case noSuchTensor(String)
    /// The tensor's elements do not have the requested type.
    case wrongScalarType(tensor: String, stored: SafetensorsScalarType, requested: SafetensorsScalarType)
    /// Two tensors to be written have the same name.
    case duplicateTensor(String)
    /// The name of a tensor to be written is the format's key for metadata.
    case reservedName(String)
    /// More bytes were supplied for a tensor than it has.
    case excessBytes(tensor: String, byteCount: Int, supplied: Int)
    /// The file was committed before all bytes of a tensor were supplied.
    case missingBytes(tensor: String, byteCount: Int, supplied: Int)
  }

  /// The problem.
  public let reason: Reason
  /// The path of the file, or `nil` if no file is involved.
  public let path: String?

  init(_ reason: Reason, path: String? = nil) {
    self.reason = reason
    self.path = path
  }

  /// Returns the result of `body`. Its error gets the path of the file.
  static func naming<Result: ~Copyable>(
    _ path: String, _ body: () throws(SafetensorsError) -> Result
  ) throws(SafetensorsError) -> Result {
    do {
      return try body()
    } catch {
      throw SafetensorsError(error.reason, path: path)
    }
  }

  /// Returns the result of `body`. An error of the system becomes an error of the file at `path`.
  static func naming<Result: ~Copyable>(
    _ path: String, system body: () throws(FileError) -> Result
  ) throws(SafetensorsError) -> Result {
    do {
      return try body()
    } catch {
      throw SafetensorsError(.file(error), path: path)
    }
  }

  /// A message with the path, if there is one.
  public var description: String {
    if case .file(let error) = reason { return error.description }
    return path.map { "\($0): \(reason)" } ?? reason.description
  }
}

extension SafetensorsError.Reason: CustomStringConvertible {
  /// A message with names and values.
  public var description: String {
    switch self {
    case .file(let error):
      error.description
    case .notARegularFile:
      "is a directory, a pipe or a device; use a regular file"
    case .noHeaderLength(let fileByteCount):
      "not a safetensors file: it has \(fileByteCount) bytes, but the header's length takes 8"
    case .headerTooLong(let byteCount) where byteCount.isText:
      """
      not a safetensors file: it begins with the text \(byteCount.text.debugDescription) instead of the \
      header's length
      """
    case .headerTooLong(let byteCount):
      "the header's length, \(byteCount) bytes, exceeds the limit of \(SafetensorsHeader.byteCountLimit)"
    case .headerBeyondEnd(let headerByteCount, let fileByteCount):
      "a header of \(headerByteCount) bytes after the first 8 exceeds the file's \(fileByteCount) bytes"
    case .malformedHeader(let offset, let problem):
      "malformed header at byte \(offset): \(problem)"
    case .duplicateName(let name, let offset):
      "the name \(name.debugDescription) occurs a second time at byte \(offset)"
    case .unknownScalarType(let tensor, let scalarType):
      """
      tensor \(tensor.debugDescription) has the unknown dtype \(scalarType.debugDescription); the known \
      dtypes are \(SafetensorsScalarType.allCases.map(\.rawValue).joined(separator: ", "))
      """
    case .sizeOverflow(let tensor, let shape):
      "tensor \(tensor.debugDescription) of shape \(shape) has more bytes than can be addressed"
    case .partialByte(let tensor, let scalarType, let shape):
      """
      tensor \(tensor.debugDescription) of type \(scalarType) and shape \(shape) does not fill whole bytes \
      (\(scalarType.bitCount) bits per element)
      """
    case .misplaced(let tensor, let begin, let end, let expectedBegin):
      if end < begin {
        "tensor \(tensor.debugDescription) has data_offsets [\(begin), \(end)], which end before they begin"
      } else {
        """
        tensor \(tensor.debugDescription) has data_offsets [\(begin), \(end)], which \
        \(begin < expectedBegin ? "overlap the data before them" : "leave a hole"): \
        they must begin at \(expectedBegin)
        """
      }
    case .wrongByteCount(let tensor, let expected, let found):
      """
      tensor \(tensor.debugDescription) has \(found) bytes between its data_offsets, \
      but its shape and dtype need \(expected)
      """
    case .wrongDataByteCount(let expected, let found):
      "the header describes \(expected) bytes of data, but the file holds \(found)"
    case .truncated(let offset):
      "the file was shortened to \(offset) bytes after it had been opened"
    case .noSuchTensor(let name):
      "there is no tensor named \(name.debugDescription)"
    case .wrongScalarType(let tensor, let stored, let requested):
      "tensor \(tensor.debugDescription) is stored as \(stored), but \(requested) was requested"
    case .duplicateTensor(let name):
      "two tensors to be written are named \(name.debugDescription)"
    case .reservedName(let name):
      "a tensor cannot be named \(name.debugDescription), which is the format's key for metadata"
    case .excessBytes(let tensor, let byteCount, let supplied):
      "tensor \(tensor.debugDescription) has \(byteCount) bytes, but \(supplied) were supplied"
    case .missingBytes(let tensor, let byteCount, let supplied):
      "tensor \(tensor.debugDescription) has \(byteCount) bytes, of which only \(supplied) were supplied"
    }
  }
}

extension UInt64 {
  /// The value's bytes as characters, in the order of the file.
  fileprivate var text: String {
    String(decoding: withUnsafeBytes(of: littleEndian, Array.init), as: UTF8.self)
  }

  fileprivate var isText: Bool {
    text.unicodeScalars.allSatisfy {
      $0.isASCII && ($0.value >= 0x20 && $0.value < 0x7F || "\n\r\t".contains(Character($0)))
    }
  }
}

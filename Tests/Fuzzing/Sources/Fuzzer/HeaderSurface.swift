import Safetensors

/// The reader of safetensors headers.
///
/// The bytes are read as a whole file, and then only as the JSON, after the right length and before the
/// amount of data that it requires, so that mutations get past the checks of sizes. More seeds are in
/// `Tests/Fuzzing/Corpus` and `Tests/SafetensorsTests/Reference`.
final class HeaderSurface: Surface {
  var seeds: [[UInt8]] { [] }

  func check(_ input: [UInt8]) {
    checkHeader(input, fileByteCount: input.count)
    let file = (0..<8).map { UInt8(truncatingIfNeeded: input.count >> (8 * $0)) } + input
    checkHeader(file, fileByteCount: file.count)
  }
}

/// Parses a header. If only the amount of data is wrong, parses it again with the right amount.
private func checkHeader(_ bytes: [UInt8], fileByteCount: Int) {
  do throws(SafetensorsError) {
    check(try SafetensorsHeader(fileBytes: bytes, fileByteCount: fileByteCount))
  } catch {
    precondition(!error.description.isEmpty)
    guard case .wrongDataByteCount(let expected, let found) = error.reason else { return }
    let (byteCount, overflows) = (fileByteCount - found).addingReportingOverflow(expected)
    precondition(found != expected, "a right amount of data was refused")
    if !overflows { checkHeader(bytes, fileByteCount: byteCount) }
  }
}

/// Checks the properties of every accepted header.
private func check(_ header: SafetensorsHeader) {
  var end = 0
  for tensor in header.tensors {
    precondition(tensor.byteRange.lowerBound == end, "a hole before \(tensor)")
    end = tensor.byteRange.upperBound
    let bitCount = tensor.shape.reduce(tensor.scalarType.bitCount, *)
    precondition(bitCount == 8 * tensor.byteRange.count, "a size that does not fit \(tensor)")
    precondition(header.tensor(named: tensor.name) == tensor, "a tensor that is not found: \(tensor)")
  }
  precondition(header.dataByteCount == end)

  do throws(SafetensorsError) {
    let written = try SafetensorsHeader(
      header.tensors.map(\.descriptor), metadata: header.metadata, order: .asGiven)
    precondition(written == header, "what was read cannot be written: \(header)")
    let bytes = try written.serialized()
    let (fileByteCount, overflows) = bytes.count.addingReportingOverflow(end)
    if overflows { return }
    let read = try SafetensorsHeader(fileBytes: bytes, fileByteCount: fileByteCount)
    // An empty tensor begins at the same offset as the next tensor, so reading may change their order.
    precondition(
      Set(read.tensors) == Set(header.tensors) && read.metadata == header.metadata,
      "what was written is not read back: \(header)")
  } catch {
    preconditionFailure("what was read cannot be written: \(error)")
  }
}

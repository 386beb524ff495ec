import CLibFuzzer
import Safetensors

/// Gives libFuzzer's bytes to the reader of headers, which must accept or refuse them but never trap.
///
/// They are taken for a whole file, and then for the JSON alone: with the right length before it and as much
/// data behind it as it asks for, so that mutations reach what lies behind the checks of sizes.
///
/// `scripts/fuzz --help` has the commands.
@main
struct FuzzSafetensors {
  static func main() {
    var argumentCount = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    // The driver ends the process itself.
    LLVMFuzzerRunDriver(&argumentCount, &arguments) { start, count in
      let input = Array(UnsafeBufferPointer(start: start, count: count))
      check(input, fileByteCount: count)
      let file = (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + input
      check(file, fileByteCount: file.count)
      return 0
    }
  }
}

/// Parses a header; if only the amount of data is wrong, once more with the right one.
private func check(_ bytes: [UInt8], fileByteCount: Int) {
  do throws(SafetensorsError) {
    check(try SafetensorsHeader(fileBytes: bytes, fileByteCount: fileByteCount))
  } catch {
    precondition(!error.description.isEmpty)
    guard case .wrongDataByteCount(let expected, let found) = error.reason else { return }
    let (byteCount, overflows) = (fileByteCount - found).addingReportingOverflow(expected)
    precondition(found != expected, "a right amount of data was refused")
    if !overflows { check(bytes, fileByteCount: byteCount) }
  }
}

/// What is true of every header that was accepted.
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
    // Empty tensors share their place with the next, so that reading may change their order.
    precondition(
      Set(read.tensors) == Set(header.tensors) && read.metadata == header.metadata,
      "what was written is not read back: \(header)")
  } catch {
    preconditionFailure("what was read cannot be written: \(error)")
  }
}

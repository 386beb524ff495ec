import Foundation
import Safetensors

/// Returns the path of a file that the Python package wrote: see Reference/README.md.
func reference(_ name: String) throws -> String {
  let folder = Bundle.module.bundleURL.appending(path: "Reference")
  return folder.appending(path: "\(name).safetensors").path
}

/// Returns a file with exactly this JSON, and this data.
func file(_ json: String, data: [UInt8] = []) -> [UInt8] { file(Array(json.utf8), data: data) }

/// Returns a file with exactly these bytes as JSON, and this data.
func file(_ json: [UInt8], data: [UInt8] = []) -> [UInt8] {
  (0..<8).map { UInt8(truncatingIfNeeded: json.count >> (8 * $0)) } + json + data
}

/// Returns a header's member for a tensor.
func entry(_ name: String, _ dtype: String, _ shape: String, _ offsets: String) -> String {
  "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
}

/// Returns bytes that differ from tensor to tensor and from offset to offset, as in
/// scripts/reference/safetensors_files.py.
func pattern(_ tensor: Int, count: Int, isBool: Bool = false) -> [UInt8] {
  (0..<count).map { UInt8((11 * tensor + 7 * $0) % 256 % (isBool ? 2 : 256)) }
}

/// Writes tensors, each with its bytes, in one call.
func write(
  _ tensors: [(descriptor: SafetensorsDescriptor, bytes: [UInt8])], metadata: [String: String] = [:],
  order: SafetensorsOrder = .byAlignment, to path: String
) throws {
  var writer = try SafetensorsWriter(
    path: path, tensors: tensors.map(\.descriptor), metadata: metadata, order: order)
  for (descriptor, bytes) in tensors { try writer.append(bytes.span.bytes, to: descriptor.name) }
  try writer.commit()
}

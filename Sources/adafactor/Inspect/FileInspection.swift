import Safetensors

/// What `adafactor inspect` says of a file.
struct FileInspection {
  let path: String
  let byteCount: Int
  let metadata: [String: String]
  let tensors: [TensorInspection]
  /// What the state of an optimizer costs; nil for other files.
  let optimizer: StateInspection?

  /// A tensor, and the statistics of its numbers where it has any.
  struct TensorInspection {
    let tensor: SafetensorsTensor
    let statistics: TensorStatistics?
  }

  init(_ file: SafetensorsFile) throws {
    path = file.path
    byteCount = file.byteCount
    metadata = file.metadata
    tensors = try file.tensors.map { tensor in
      TensorInspection(tensor: tensor, statistics: try .of(tensor, in: file))
    }
    optimizer = try StateInspection(file)
  }
}

import Checkpoints
import Foundation
import Tensors

/// Saves checkpoint after checkpoint, going on where the newest is, until it is killed; prints each step that
/// is saved.
///
/// Every number of a checkpoint is its step, so that a test can tell parts of different ones.
@main
enum CheckpointSaver {
  static func main() throws {
    let directory = CheckpointDirectory(path: CommandLine.arguments[1], keeping: 2)
    var step = try directory.latest()?.checkpoint.position.step ?? 0
    while true {
      step += 1
      let tensor = Tensor(repeating: Double(step), shape: [100, 100])
      var checkpoint = Checkpoint(
        position: .init(step: step),
        collections: [
          "model": TensorCollection(["weight": tensor, "bias": tensor]),
          "optimizer": TensorCollection(["weight": tensor]),
        ])
      try checkpoint.setValue(step, for: "step")
      try directory.save(checkpoint)
      // Past the buffer of `print`, which dies with the process.
      try FileHandle.standardOutput.write(contentsOf: Data("\(step)\n".utf8))
    }
  }
}

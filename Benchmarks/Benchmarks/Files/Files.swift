import Benchmark
import Checkpoints
import Foundation
import Tensors

// Files of 256 MB, written and read, compared with the time that `cp` takes for the same bytes. The file
// system's cache is warm in all benchmarks, and nothing is flushed unless the name says so.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock, .cpuTotal], warmupIterations: 1, maxDuration: .seconds(10), maxIterations: 20)

  let folder = FileManager.default.temporaryDirectory.appending(path: "adafactor-files-\(getpid())")
  let file = folder.appending(path: "model.safetensors").path
  let copy = folder.appending(path: "copy").path

  Benchmark.startupHook = {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Model.tensors.write(to: file)
  }
  Benchmark.shutdownHook = { try FileManager.default.removeItem(at: folder) }

  Benchmark("cp, 256 MB") { benchmark in
    for _ in benchmark.scaledIterations { try run("/bin/cp", file, copy) }
  }

  Benchmark("cp and sync, 256 MB") { benchmark in
    for _ in benchmark.scaledIterations {
      try run("/bin/cp", file, copy)
      try run("/bin/sync", copy)
    }
  }

  Benchmark("write safetensors, flushed, 256 MB") { benchmark in
    for _ in benchmark.scaledIterations { try Model.tensors.write(to: copy) }
  }

  Benchmark("read safetensors, 256 MB") { benchmark in
    for _ in benchmark.scaledIterations { blackHole(try TensorCollection(path: file)) }
  }

  Benchmark("save a checkpoint, flushed, 256 MB") { benchmark in
    let directory = CheckpointDirectory(path: folder.appending(path: "checkpoints").path, keeping: 1)
    for step in benchmark.scaledIterations {
      blackHole(
        try directory.save(
          Checkpoint(position: TrainingPosition(step: step), collections: ["model": Model.tensors])))
    }
  }
}

/// The contents of the files: 16 matrices of 16 MB.
enum Model {
  static let tensors: TensorCollection = {
    var generator = SeededGenerator(seed: 1)
    let matrix = Tensor(uniform: [2048, 2048], using: &generator)
    return TensorCollection(
      Dictionary(uniqueKeysWithValues: (0..<16).map { ("layer.\($0).weight", matrix * Double($0 + 1)) }))
  }()
}

/// Runs a program and waits for it to end.
func run(_ program: String, _ arguments: String...) throws {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: program)
  process.arguments = arguments
  try process.run()
  process.waitUntilExit()
}

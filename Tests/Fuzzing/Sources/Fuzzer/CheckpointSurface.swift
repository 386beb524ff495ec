import Foundation
import Optimizers
import Schedules
import Tensors

@testable import AdafactorTool
@testable import Checkpoints

/// Checkpoints with valid checksums and arbitrary file contents, and directories of checkpoints.
///
/// The first byte of an input chooses a reader and a file. The rest replaces the file:
/// - the library restores everything with Adafactor or AdamW, and takes steps;
/// - `adafactor train --resume` continues the run;
/// - a directory gets entries, one per line of the input, and loads and saves a checkpoint.
final class CheckpointSurface: Surface {
  private let place: Workplace
  private let sources: [(folder: String, name: String, files: [String: [UInt8]])]
  private static let files = [
    "training.json", "optimizer.safetensors", "model.safetensors", "gradients.safetensors",
  ]
  private static let readers = ["adafactor", "adamw", "train", "names"]

  init(_ place: Workplace) throws {
    self.place = place
    try place.write(sampleTable.utf8, "table.csv")
    var sources: [(folder: String, name: String, files: [String: [UInt8]])] = []
    for reader in Self.readers.dropLast() {
      if reader == "train" { try Self.train(place, resumes: false) } else { try Self.save(place, reader) }
      let name = try place.names(in: reader)[0]
      let files = try place.names(in: "\(reader)/\(name)").filter { $0 != ChecksumList.fileName }
      sources.append(
        (
          reader, name,
          Dictionary(uniqueKeysWithValues: try files.map { ($0, try place.read("\(reader)/\(name)/\($0)")) })
        ))
    }
    self.sources = sources
  }

  var seeds: [[UInt8]] {
    let files = sources.enumerated().flatMap { reader, source in
      Self.files.enumerated().compactMap { index, file in
        source.files[file].map { bytes in
          [UInt8(reader + Self.readers.count * index)]
            + (file == "training.json" ? bytes : TensorFile.input(bytes))
        }
      }
    }
    return files + [[3] + Array("checkpoint-000001-step-1\ncheckpoint-000012-step-600".utf8)]
  }

  let words = [
    "exp_avg", "exp_avg_sq", "step", "RMS", "F32", "F64", "BF16", "I64", "checkpoint-", "-step-",
    "checkpoint-9223372036854775807-step-1", "checkpoint-9223372036854775806-step-9223372036854775807",
  ]

  func check(_ input: [UInt8]) throws {
    guard let choice = input.first.map({ Int($0) }) else { return }
    let reader = Self.readers[choice % Self.readers.count]
    guard reader != "names" else { return try checkNames(input.dropFirst()) }
    let source = sources[choice % Self.readers.count]
    let file = Self.files[choice / Self.readers.count % Self.files.count]
    guard source.files[file] != nil else { return }
    let bytes = file == "training.json" ? Array(input.dropFirst()) : TensorFile.file(input.dropFirst())
    // A run may have left its own checkpoint.
    place.remove(reader)
    try place.makeFolder("\(reader)/\(source.name)")
    var list = ChecksumList()
    for (name, contents) in source.files {
      let contents = name == file ? bytes : contents
      list.checksums[name] = contents.withUnsafeBytes(XXHash64.value)
      try place.write(contents, "\(reader)/\(source.name)/\(name)")
    }
    try place.write(list.text, "\(reader)/\(source.name)/\(ChecksumList.fileName)")
    if reader == "train" {
      try Self.train(place, resumes: true)
    } else {
      try restore(place.path("\(reader)/\(source.name)"), isAdamW: reader == "adamw")
    }
  }

  // MARK: Readers

  private static func training(isAdamW: Bool) throws -> (Optimizer, LearningRateScheduler) {
    let optimizer = try sampleOptimizer(isAdamW: isAdamW)
    let schedule: any LearningRateSchedule =
      isAdamW ? try ReduceOnPlateauSchedule() : try CosineSchedule(warmupSteps: 2, trainingSteps: 9)
    return (optimizer, try LearningRateScheduler(optimizer, AnyLearningRateSchedule(schedule)))
  }

  private static func save(_ place: Workplace, _ reader: String) throws {
    let (optimizer, scheduler) = try training(isAdamW: reader == "adamw")
    try optimizer.step()
    scheduler.step(metric: 1)
    var checkpoint = try Checkpoint(
      position: .init(step: 1), model: optimizer.parameters, optimizer: optimizer, schedulers: [scheduler])
    try checkpoint.setValue(SeededGenerator(seed: 1), for: "generator")
    try checkpoint.setValue(try LossScaler().state, for: "scale")
    let accumulator = GradientAccumulator(optimizer.parameters)
    try accumulator.add()
    try checkpoint.setAccumulator(accumulator)
    try CheckpointDirectory(path: place.path(reader)).save(checkpoint)
  }

  private func restore(_ path: String, isAdamW: Bool) throws {
    let (optimizer, scheduler) = try Self.training(isAdamW: isAdamW)
    let found = try Checkpoint(directory: path)
    try found.restore(model: optimizer.parameters, optimizer: optimizer, schedulers: [scheduler])
    var generator = try found.value(SeededGenerator.self, for: "generator")
    _ = generator.next()
    try LossScaler().restore(found.value(LossScaler.State.self, for: "scale"))
    let accumulator = GradientAccumulator(optimizer.parameters)
    try found.restoreAccumulator(accumulator)
    try accumulator.add()
    try accumulator.apply()
    for _ in 0..<3 {
      try optimizer.step()
      scheduler.step(metric: 1)
    }
  }

  private static func train(_ place: Workplace, resumes: Bool) throws {
    let command = try TrainCommand.parse(
      [
        "--data", place.path("table.csv"), "--epochs", "2", "--hidden", "3", "--batch-size", "2", "--dtype",
        "float16",
        "--lr", "0.1", "--schedule", "greedy", "--checkpoint-directory", place.path("train"),
        "--quiet",
        "--threads", "1",
      ] + (resumes ? ["--resume"] : []))
    try command.run()
  }

  private func checkNames(_ text: some Collection<UInt8>) throws {
    place.remove("names")
    try place.makeFolder("names")
    for name in text.split(separator: UInt8(ascii: "\n")).prefix(20) {
      let name = String(decoding: name, as: UTF8.self)
      if name.contains("/") || name.contains("\0") || [".", ".."].contains(name) || name.utf8.count > 255 {
        continue
      }
      try place.makeFolder("names/\(name)")
    }
    let directory = CheckpointDirectory(path: place.path("names"), keeping: 1)
    let kept = try Set(place.names(in: "names"))
    do { _ = try directory.latest() } catch {
      guard case .noneIntact = error else { throw error }
    }
    try directory.save(Checkpoint(position: .init(step: 1)))
    guard try kept.isSubset(of: place.names(in: "names")) else {
      fatalError("A directory of another program is gone.")
    }
  }
}

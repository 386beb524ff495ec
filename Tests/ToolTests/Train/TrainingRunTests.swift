import Checkpoints
import Foundation
import Optimizers
import Schedules
import Tensors
import TestSupport
import Testing

@testable import adafactor

@Suite("Training runs", .serialized)
struct TrainingRunTests {
  /// Two classes that a line separates, with 60 samples.
  private static let points: Dataset = {
    var generator = SeededGenerator(seed: 9)
    let x = Tensor(normal: [60, 2], as: .float64, using: &generator)
    let rows = (0..<60).map { "\(x[$0, 0]),\(x[$0, 1]),\(x[$0, 0] + x[$0, 1] > 0 ? "up" : "down")\n" }
    return try! Dataset(Table(bytes: Array(rows.joined().utf8), path: "points"))
  }()

  private func run(
    _ change: (inout TrainingSettings) -> Void = { _ in }, report: (TrainingProgress) -> Void = { _ in }
  ) throws -> (result: TrainingResult, parameters: [Tensor]) {
    var settings = TrainingSettings()
    settings.epochs = 8
    settings.batchSize = 10
    settings.hidden = [8]
    settings.optimizer = OptimizerChoice(
      AdafactorOptions(learningRate: .constant(0.02), scaleParameter: false))
    change(&settings)
    var run = try TrainingRun(Self.points, settings: settings)
    let result = try run.run(report: report)
    return (result, run.model.parameters.map(\.value))
  }

  @Test(arguments: Backend.available)
  func `A run learns classes that a line separates`(backend: Backend) throws {
    let (result, _) = try run { settings in
      settings.backend = backend
      settings.epochs = 40
    }
    #expect(result.testAccuracy >= 0.9)
    #expect(result.epochs[39].trainingLoss < 0.1)
    #expect(result.backend == backend)
    #expect(result.steps == 40 * 5)
    #expect(result.parameters == 2 * 8 + 8 + 8 * 2 + 2)
    #expect(result.adamwStateBytes == 42 * 8)
    // Rows and columns of both weights, and each element of both biases.
    #expect(result.stateBytes == 4 * ((8 + 2) + 8 + (2 + 8) + 2))
  }

  @Test(arguments: Backend.available)
  func `The same seed gives the same bits for any number of threads, and another seed gives others`(
    backend: Backend
  )
    throws
  {
    let first = try run { $0.backend = backend }
    for threads in [1, 3] {
      let second = try run { settings in
        settings.backend = backend
        settings.threads = threads
      }
      #expect(second.parameters == first.parameters)
      #expect(second.result.epochs == first.result.epochs)
    }
    let other = try run { settings in
      settings.backend = backend
      settings.seed = 1
    }
    #expect(other.parameters != first.parameters)
  }

  @Test func `A schedule-free run and its checkpoints store the weights that were tested`()
    throws
  {
    let folder = try TemporaryFolder()
    let directory = CheckpointDirectory(path: folder.file("run"))
    var settings = TrainingSettings()
    (settings.epochs, settings.batchSize, settings.hidden) = (3, 10, [8])
    settings.optimizer = OptimizerChoice(ScheduleFreeAdamWOptions(learningRate: 0.02))
    var run = try TrainingRun(Self.points, settings: settings)
    let result = try run.run(saving: CheckpointPlan(directory: directory, interval: nil, resumes: false))
    let tested = try #require(result.epochs.last).testLoss
    #expect(run.model.test(run.test).loss == tested)
    let saved = try #require(try directory.latest()).checkpoint.collections["model"]?.tensors
    for parameter in run.model.parameters { #expect(saved?[parameter.name] == parameter.value) }
    // z and the second moment.
    #expect(result.stateBytes == 2 * 4 * result.parameters)
    run.takeStep.optimizer.train()
    #expect(run.model.test(run.test).loss != tested)
  }

  @Test(.enabled(if: Backend.available.count > 1))
  func `Both backends give the same result`() throws {
    let runs = try Backend.available.map { backend in try run { $0.backend = backend } }
    for (left, right) in zip(runs[0].parameters, runs[1].parameters) {
      let scale = left.rootMeanSquare()
      #expect((left - right).rootMeanSquare() <= 1e-4 * scale)
    }
    for (left, right) in zip(runs[0].result.epochs, runs[1].result.epochs) {
      #expect((left.trainingLoss - right.trainingLoss).magnitude <= 1e-4 * left.trainingLoss)
    }
  }

  @Test func `A schedule sets the learning rate, and with a rate of 0 nothing is learned`() throws {
    let plain = try run()
    let constant = try run { $0.schedule = ScheduleChoice(name: "constant") }
    #expect(constant.parameters == plain.parameters)
    let cosine = try run { $0.schedule = ScheduleChoice(name: "cosine", warmup: .fraction(0.5)) }
    #expect(cosine.parameters != plain.parameters)
    // The warmup is one step longer than the run, so the rate never reaches its initial value.
    let slow = try run {
      $0.schedule = ScheduleChoice(name: "constant_with_warmup", warmup: .steps(1_000_000))
    }
    #expect(slow.result.epochs[7].trainingLoss > plain.result.epochs[7].trainingLoss)
    let plateau = try run { settings in
      settings.schedule = ScheduleChoice(
        name: "reduce_lr_on_plateau", options: ["patience": 0, "threshold": 100])
    }
    #expect(plateau.parameters != plain.parameters)
  }

  @Test(arguments: ScalarType.allCases)
  func `AdamW learns the classes too, with every type of parameters`(type: ScalarType) throws {
    for optimizer in [
      OptimizerChoice(AdamWOptions(learningRate: 0.02)),
      OptimizerChoice(AdafactorOptions(learningRate: .constant(0.02), scaleParameter: false)),
    ] {
      let (result, parameters) = try run { settings in
        settings.scalarType = type
        settings.optimizer = optimizer
        settings.epochs = 40
      }
      #expect(result.testAccuracy >= 0.9, "\(optimizer)")
      #expect(parameters.allSatisfy { $0.scalarType == type })
      #expect(result.optimizer == optimizer.kind && result.scalarType == type)
    }
  }

  @Test(arguments: [2, 4])
  func `Micro-batches give the same steps as one large batch, also in a partial last window`(count: Int)
    throws
  {
    // 48 samples: windows of 5 + 5 + … and a last one that ends with a micro-batch of 3.
    let large = try run { settings in
      settings.scalarType = .float64
      settings.optimizer = OptimizerChoice(AdamWOptions(learningRate: 0.02))
      settings.batchSize = 5 * count
    }
    let small = try run { settings in
      settings.scalarType = .float64
      settings.optimizer = OptimizerChoice(AdamWOptions(learningRate: 0.02))
      settings.batchSize = 5
      settings.microBatches = count
    }
    #expect(small.result.steps == large.result.steps)
    for (left, right) in zip(small.parameters, large.parameters) {
      // At most 40 steps of roundings in Float64. A wrong weight would change the fourth digit.
      #expect((left - right).rootMeanSquare() <= 1e-9 * right.rootMeanSquare())
    }
    for (left, right) in zip(small.result.epochs, large.result.epochs) {
      #expect(abs(left.trainingLoss - right.trainingLoss) <= 1e-9 * right.trainingLoss)
    }
  }

  @Test func `Progress counts every step and epoch, and its losses are finite`() throws {
    var steps: [Int] = []
    var epochs: [Int] = []
    let (result, _) = try run(report: { progress in
      #expect(progress.steps == 40 && progress.epochs == 8 && progress.loss.isFinite)
      if let finished = progress.finished {
        epochs.append(finished.epoch)
      } else {
        steps.append(progress.stepsDone)
      }
    })
    #expect(steps == Array(1...40))
    #expect(epochs == Array(1...8))
    #expect(result.epochs.map(\.epoch) == epochs)
  }

  @Test func `A diverged run stops with the epoch and the remedy; relative steps refuse a schedule`() {
    #expect(throws: TrainingError.diverged(epoch: 1, optimizer: .adafactor)) {
      try run {
        $0.optimizer = OptimizerChoice(AdafactorOptions(learningRate: .constant(1e30), scaleParameter: false))
      }
    }
    #expect(throws: ScheduleError.notSchedulable(.learningRate, group: 0)) {
      try run { settings in
        settings.optimizer = OptimizerChoice(AdafactorOptions())
        settings.schedule = ScheduleChoice(name: "cosine")
      }
    }
  }

  @Test func `If more samples or threads are requested than exist, the real numbers are reported`() throws {
    let all = try run { $0.batchSize = 48 }
    let more = try run { settings in
      (settings.batchSize, settings.microBatches, settings.threads) = (1 << 40, 3, .max)
    }
    #expect(more.parameters == all.parameters)
    #expect(more.result.batchSize == 48 && more.result.microBatches == 1)
    #expect(more.result.threads == ProcessInfo.processInfo.processorCount)
    let accumulated = try run { ($0.batchSize, $0.microBatches) = (20, 1 << 40) }
    #expect(accumulated.result.batchSize == 20 && accumulated.result.microBatches == 3)
    #expect(accumulated.result.steps == 8)
  }

  @Test func `Too many steps to count, and layers that exceed the memory, are errors`() {
    #expect(throws: TrainingError.tooManySteps(epochs: .max, stepsPerEpoch: 5)) {
      try run { $0.epochs = .max }
    }
    for hidden in [[Int.max], [1 << 40], [8192, 8192, 8192], [Int.max, Int.max, Int.max]] {
      #expect(throws: TrainingError.self, "\(hidden)") { try run { $0.hidden = hidden } }
    }
  }

  @Test func `The values and gradients of a step and of a test count as memory`() throws {
    var settings = TrainingSettings()
    let widths = [2, 200_000, 2]
    settings.batchSize = 1000
    #expect(throws: TrainingError.self) { try settings.requireMemory(widths: widths, testSamples: 10) }
    settings.batchSize = 100
    try settings.requireMemory(widths: widths, testSamples: 10)
    settings.batchSize = 1
    let wide = [2, 4_000_000, 2]
    try settings.requireMemory(widths: wide, testSamples: 1)
    #expect(throws: TrainingError.self) { try settings.requireMemory(widths: wide, testSamples: .max) }
  }

  @Test func `The report describes the table that was read`() throws {
    let text =
      "id,x,c,kind\n"
      + (0..<30).map { "n\($0),\($0 == 9 ? "" : "\($0)"),5,\($0 % 3 == 0 ? "a" : "b")\n" }.joined()
    let dataset = try Dataset(
      Table(
        bytes: Array(text.utf8), path: "t.csv",
        format: .init(choice: .labeled(ignoring: ["id"]), dropsMissing: true)))
    var settings = TrainingSettings()
    settings.epochs = 1
    var run = try TrainingRun(dataset, settings: settings)
    let report = try run.run().data
    #expect(report.rows == 29 && report.droppedRows == 1 && report.columns == 4 && report.header)
    #expect(report.labelColumn == 4 && report.labelName == "kind" && report.ignoredColumns == ["id"])
    #expect(report.constantColumns == ["c"])
    #expect(report.classes == [.init(name: "a", count: 9), .init(name: "b", count: 20)])
    #expect(
      report.table.map(\.1) == [
        "29 rows, 4 columns, with a header, the label in column 4 (kind), 1 row skipped because of a missing "
          + "value, ignored: id, constant: c",
        "a (9), b (20)",
      ])
  }

  @Test func `The time left assumes the pace so far`() {
    let progress = TrainingProgress(
      stepsDone: 25, steps: 100, epoch: 1, epochs: 4, loss: 1, elapsed: .seconds(10), finished: nil)
    #expect(progress.secondsLeft == 30)
  }

  @Test func `On a terminal, one line changes; otherwise, there is one line per epoch; --quiet shows none`() {
    func shown(isTerminal: Bool, isQuiet: Bool, label: String? = nil, columns: Int = 80) -> String {
      var text = ""
      withoutActuallyEscaping({ (part: String) in text += part }) { write in
        var display = ProgressDisplay(isQuiet: isQuiet, label: label)
        display.columns = { columns }
        display.isTerminal = isTerminal
        display.write = write
        let epoch = EpochResult(epoch: 1, trainingLoss: 0.5, testLoss: 0.6, testAccuracy: 0.75)
        for (done, finished) in [(1, nil), (2, nil), (2, epoch)] {
          display.show(
            TrainingProgress(
              stepsDone: done, steps: 4, epoch: 1, epochs: 2, loss: 0.5, elapsed: .seconds(done),
              finished: finished))
        }
        display.finish()
      }
      return text
    }
    let line = "epoch 1/2  loss 0.5000  test accuracy 75.0 %  2.0 s, 2.0 s left"
    #expect(shown(isTerminal: false, isQuiet: false) == line + "\n")
    let terminal = shown(isTerminal: true, isQuiet: false)
    #expect(terminal.components(separatedBy: "\r\u{1B}[2K").count == 3)
    #expect(terminal.hasSuffix("\n") && terminal.dropLast().contains("\n") == false)
    #expect(shown(isTerminal: true, isQuiet: true) == "")
    // If a line does not fit, its label is shortened first.
    let label = "adafactor:lr=1e-3:no-scale-parameter"
    let short = "epoch 1/2  loss 0.5000  2.0 s, 2.0 s left"
    #expect(shown(isTerminal: false, isQuiet: false, label: label) == "\(label)  \(line)\n")
    for columns in [1, 2, 20, 42, 43, 60, 79, 80, 120] {
      let lines = shown(isTerminal: true, isQuiet: false, label: label, columns: columns)
        .components(separatedBy: "\r\u{1B}[2K").dropFirst().map {
          $0.replacingOccurrences(of: "\n", with: "")
        }
      #expect(lines.allSatisfy { $0.count < max(2, columns) }, "\(columns)")
      if columns == 60 { #expect(lines.last == "adafactor:lr=1e…  \(short)") }
      if columns >= 80 { #expect(lines.last == "\(label)  \(short)") }
    }
    #expect(shown(isTerminal: false, isQuiet: true) == "")
  }
}

import Checkpoints
import Foundation
import Optimizers
import Safetensors
import Schedules
import Tensors
import TestSupport
import Testing

@Suite struct OptimizerStateTests {
  private let folder: TemporaryFolder
  private let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("state.safetensors")
  }

  /// Returns a model and its optimizer after `steps` steps.
  private func trained(steps: UInt64) throws -> (TestModel, Adafactor) {
    let model = TestModel()
    let optimizer = try Adafactor(groups: model.groups())
    for step in 0..<steps {
      model.setGradients(step: step)
      try optimizer.step()
    }
    return (model, optimizer)
  }

  @Test(arguments: Backend.available)
  func `An optimizer that is restored from a file gives the same bits`(backend: Backend) throws {
    try Backend.withDefault(backend) {
      let (model, optimizer) = try trained(steps: 5)
      try optimizer.saveState(to: path)

      let copy = TestModel()
      for (parameter, original) in zip(copy.parameters, model.parameters) { parameter.value = original.value }
      // Parameters are matched by name, so their order within a group does not matter.
      let groups = copy.groups().map { ParameterGroup($0.parameters.reversed(), options: $0.options) }
      let resumed = try Adafactor(groups: groups, threads: 1)
      try resumed.restoreState(from: path)
      for step in 5..<UInt64(10) {
        for each in [model, copy] { each.setGradients(step: step) }
        try optimizer.step()
        try resumed.step()
        #expect(copy.bits == model.bits, "step \(step)")
      }
      #expect(resumed.state(of: copy["scalar"])?.step == 6)
      #expect(resumed.state(of: copy["never.stepped"]) == nil)
    }
  }

  @Test func `AdamW restored from a file gives the same bits, too`() throws {
    func make() throws -> (TestModel, AdamW) {
      let model = TestModel()
      let groups = [
        ParameterGroup(
          Array(model.parameters[..<3]), options: AdamW.Options(beta1: 0.8, amsgrad: true, maximize: true)),
        ParameterGroup(Array(model.parameters[3...]), options: AdamW.Options(biasCorrection: false)),
      ]
      return (model, try AdamW(groups: groups))
    }
    func run(_ model: TestModel, _ optimizer: AdamW, _ steps: Range<UInt64>) throws {
      for step in steps {
        model.setGradients(step: step)
        try optimizer.step()
      }
    }
    let (model, optimizer) = try make()
    try run(model, optimizer, 0..<5)
    try optimizer.saveState(to: path)
    let (copy, resumed) = try make()
    for (parameter, original) in zip(copy.parameters, model.parameters) { parameter.value = original.value }
    try resumed.restoreState(from: path)
    #expect(resumed.state() == optimizer.state())
    try run(model, optimizer, 5..<10)
    try run(copy, resumed, 5..<10)
    #expect(copy.bits == model.bits)
    let adafactor = try Adafactor(copy.parameters)
    #expect(
      throws: CheckpointError.mismatch(StateMismatch([.optimizer(saved: "adamw", here: "adafactor")]))
    ) { try adafactor.restoreState(from: path) }
  }

  @Test func `Names, types and metadata are as Python expects them`() throws {
    let (_, optimizer) = try trained(steps: 2)
    try optimizer.saveState(to: path)
    let file = try SafetensorsFile(path: path)
    let expected: [(String, SafetensorsScalarType, [Int])] = [
      ("matrix.exp_avg_sq_row", .float32, [5]), ("matrix.exp_avg_sq_col", .float32, [7]),
      ("matrix.exp_avg", .float32, [5, 7]), ("matrix.step", .int64, []), ("matrix.RMS", .float64, []),
      ("bias.exp_avg_sq", .float32, [9]), ("bias.exp_avg", .float32, [9]), ("bias.step", .int64, []),
      ("bias.RMS", .float64, []),
      ("layers.0.weight.exp_avg_sq_row", .float64, [2, 3]),
      ("layers.0.weight.exp_avg_sq_col", .float64, [2, 4]), ("layers.0.weight.step", .int64, []),
      ("layers.0.weight.RMS", .float64, []),
      ("scalar.exp_avg_sq", .float32, []), ("scalar.step", .int64, []), ("scalar.RMS", .float64, []),
      ("embedding.exp_avg_sq_row", .float32, [6]), ("embedding.exp_avg_sq_col", .float32, [4]),
      ("embedding.step", .int64, []), ("embedding.RMS", .float64, []),
    ]
    #expect(
      Set(file.tensors.map(\.descriptor)) == Set(expected.map { .init($0.0, $0.1, shape: $0.2) }))
    #expect(file.metadata["optimizer"] == "adafactor")
    let groups =
      try JSONSerialization.jsonObject(with: Data(file.metadata["groups"]!.utf8)) as? [[String: Any]]
    #expect(groups?.count == 2)
    #expect(groups?[0]["parameters"] as? [String] == ["matrix", "bias", "never.stepped"])
    #expect(groups?[0]["lr"] as? Double == 0.01)
    #expect(groups?[0]["clip_threshold"] as? String == "Infinity")
    #expect(groups?[1]["relative_step"] as? Bool == true)
  }

  @Test func `A state is a value that later steps do not change`() throws {
    let (model, optimizer) = try trained(steps: 3)
    let state = optimizer.state()
    let values = model.parameters.map(\.value)
    let moments = state.parameters["matrix"]!.tensors["exp_avg"]!.bits
    model.setGradients(step: 3)
    try optimizer.step()
    let after = model.bits
    #expect(state.parameters["matrix"]?.step == 3)
    #expect(state.parameters["matrix"]?.tensors["exp_avg"]?.bits == moments)

    try optimizer.restore(state)
    for (parameter, value) in zip(model.parameters, values) { parameter.value = value }
    try optimizer.step()
    for (parameter, (now, before)) in zip(model.parameters, zip(model.bits, after)) {
      #expect(now == before, "\(parameter)")
    }
  }

  @Test func `Restoring discards the state of parameters without steps in the saved state`() throws {
    let (model, optimizer) = try trained(steps: 1)
    let state = optimizer.state()
    model["never.stepped"].gradient = Tensor(ones: [3, 2])
    try optimizer.step()
    try optimizer.restore(state)
    #expect(optimizer.state(of: model["never.stepped"]) == nil)
  }

  @Test func `A state that does not fit is refused with all differences, and nothing changes`() throws {
    let (_, optimizer) = try trained(steps: 2)
    try optimizer.saveState(to: path)
    let other = TestModel()
    let parameters = [
      Parameter("matrix", Tensor(zeros: [5, 8])), Parameter("bias", Tensor(zeros: [9])),
      Parameter("scalar", Tensor(zeros: [], as: .float64)), Parameter("new", Tensor(zeros: [2])),
    ]
    let groups = [
      ParameterGroup(
        parameters, options: Adafactor.Options(learningRate: .constant(0.5), clipThreshold: 2, beta1: 0.9)),
      ParameterGroup(
        [other["layers.0.weight"], other["embedding"]],
        options: .init(learningRate: .constant(1), scaleParameter: false)),
    ]
    let refusing = try Adafactor(groups: groups)
    let error = #expect(throws: CheckpointError.self) { try refusing.restoreState(from: path) }
    guard case .mismatch(let mismatch) = error else {
      Issue.record("not a mismatch: \(String(describing: error))" as Comment)
      return
    }
    #expect(
      mismatch.differences == [
        .option("groups[0].clipThreshold is inf in the saved state, 2.0 here"),
        .option(
          "groups[1].learningRate is relative(warmupInit: false) in the saved state, constant(1.0) here"),
        .option("groups[1].scaleParameter is true in the saved state, false here"),
        .refused(
          .stateShape(parameter: "matrix", moments: "column moments", shape: [7], expected: [8])),
        .group(parameter: "scalar", saved: 1, here: 0),
        .refused(
          .stateType(parameter: "scalar", moments: "second moments", type: .float32, expected: .float64)),
        .missing(parameter: "new"),
        .unknown(parameter: "never.stepped"),
      ])
    #expect(refusing.groups[0].options.learningRate == .constant(0.5))
    #expect(refusing.groups[0].options.weightDecay == 0)
    #expect(groups.flatMap(\.parameters).allSatisfy { refusing.state(of: $0) == nil })
  }

  @Test func `A different number of groups is listed among the differences`() throws {
    let (model, optimizer) = try trained(steps: 1)
    let single = try Adafactor(model.parameters.dropLast())
    let error = #expect(throws: StateMismatch.self) { try single.restore(optimizer.state()) }
    #expect(error?.differences == [.groupCount(saved: 2, here: 1), .unknown(parameter: "never.stepped")])
    #expect(
      error?.description.contains("the saved state has 2 parameter groups, but the optimizer here has 1")
        == true)
  }

  @Test func `Learning rates set by a schedule are restored`() throws {
    func make() throws -> (TestModel, Adafactor, LearningRateScheduler) {
      let model = TestModel()
      let optimizer = try Adafactor(model.parameters, options: .init(learningRate: .constant(0.1)))
      let schedule = try CosineSchedule(warmupSteps: 2, trainingSteps: 20)
      return (model, optimizer, try LearningRateScheduler(optimizer, schedule))
    }
    let (model, optimizer, scheduler) = try make()
    for step in 0..<UInt64(7) {
      model.setGradients(step: step)
      try optimizer.step()
      scheduler.step()
    }
    let (_, resumed, resumedScheduler) = try make()
    try resumed.restore(optimizer.state())
    #expect(resumed.groups.map(\.learningRate) == optimizer.groups.map(\.learningRate))
    try resumedScheduler.restore(scheduler.state)
    #expect(resumed.groups.map(\.learningRate) == optimizer.groups.map(\.learningRate))
  }

  @Test func `The error for a file without a state of this optimizer gives the reason`() throws {
    let (_, optimizer) = try trained(steps: 1)
    func refused(_ change: (inout TensorCollection) -> Void) throws -> String {
      try optimizer.saveState(to: path)
      var collection = try TensorCollection(path: path)
      change(&collection)
      try collection.write(to: path)
      let error = #expect(throws: CheckpointError.self) { try optimizer.restoreState(from: path) }
      return (error?.description ?? "").replacingOccurrences(of: path, with: "FILE")
    }
    #expect(
      try refused { $0.metadata["optimizer"] = "adamw" }
        .hasSuffix("- the saved state belongs to adamw, but the optimizer here is adafactor"))
    #expect(
      try refused { $0.metadata = [:] }
        == "FILE: metadata: does not contain \"optimizer\": not the state of an optimizer")
    #expect(
      try refused { $0.integers["matrix.step"] = nil } == "FILE: matrix.step: is missing")
    #expect(
      try refused { $0.integers["matrix.step"] = -1 }.contains("The step of \"matrix\" is -1"))
    #expect(
      try refused { $0.tensors["matrix.max_exp_avg_sq"] = Tensor(zeros: [1]) }
        .hasPrefix("FILE: matrix.max_exp_avg_sq: not part of this optimizer's state"))
    #expect(
      try refused { $0.tensors["matrix.RMS"] = Tensor(zeros: [2]) }
        == "FILE: matrix.RMS: shape [2], must be a single number")
    #expect(
      try refused { $0.metadata["groups"] = #"[{"parameters": ["matrix"], "clip_threshold": -1}]"# }
        .contains("clip_threshold is -1.0"))
    #expect(try refused { $0.metadata["groups"] = "[" }.hasPrefix("FILE: metadata \"groups\": "))
  }

  @Test func `Step counts may be floating-point, as in torch`() throws {
    let (model, optimizer) = try trained(steps: 4)
    try optimizer.saveState(to: path)
    var collection = try TensorCollection(path: path)
    collection.integers["matrix.step"] = nil
    collection.tensors["matrix.step"] = Tensor(repeating: 4, shape: [])
    try collection.write(to: path)
    try optimizer.restoreState(from: path)
    #expect(optimizer.state(of: model["matrix"])?.step == 4)
  }

  @Test func `16-bit moments are widened, such as those that torch has loaded`() throws {
    let narrow: (TensorCollection) -> TensorCollection = { collection in
      var collection = collection
      for (name, tensor) in collection.tensors where name.contains(".exp_avg") {
        collection.tensors[name] = tensor.converted(to: .bfloat16)
      }
      return collection
    }
    let parameters = [Parameter("matrix", Tensor(ones: [3, 4])), Parameter("vector", Tensor(ones: [5]))]
    let optimizers: [Optimizer] = [
      try Adafactor(parameters, options: .init(learningRate: .constant(0.1), beta1: 0.9)),
      try AdamW(parameters, options: .init(amsgrad: true)),
    ]
    var generator = SeededGenerator(seed: 9)
    for optimizer in optimizers {
      for parameter in parameters {
        parameter.gradient = Tensor(normal: parameter.value.shape, using: &generator)
      }
      try optimizer.step()
      try optimizer.saveState(to: path)
      let narrowed = narrow(try TensorCollection(path: path))
      try narrowed.write(to: path)
      try optimizer.restoreState(from: path)
      let states = optimizer.state().parameters
      #expect(states.count == 2)
      for (parameter, state) in states {
        for (part, tensor) in state.tensors {
          #expect(tensor == narrowed.tensors["\(parameter).\(part)"]?.converted(to: .float32), "\(part)")
        }
      }
      try optimizer.step()
    }
  }

  @Test func `Names that differ only in Unicode normal form are different names`() throws {
    let names = ["\u{E9}", "e\u{301}"]
    func optimizer(_ name: String) throws -> AdamW {
      let parameter = Parameter(name, Tensor(ones: [2]))
      parameter.gradient = Tensor(ones: [2])
      let optimizer = try AdamW([parameter])
      try optimizer.step()
      return optimizer
    }
    let (saved, other) = (try optimizer(names[0]), try optimizer(names[1]))
    try saved.saveState(to: path)
    let error = #expect(throws: CheckpointError.self) { try other.restoreState(from: path) }
    // The names are equal as strings, so the number of differences distinguishes them.
    #expect(error?.description.split(separator: "\n- ").count == 3)
    try saved.restoreState(from: path)

    let checkpoint = try Checkpoint(position: .init(), model: saved.parameters, optimizer: saved)
    #expect(throws: CheckpointError.self) {
      try checkpoint.restore(model: other.parameters, optimizer: saved)
    }
    try checkpoint.restore(model: saved.parameters, optimizer: saved)

    let (average, another) = (
      try ExponentialMovingAverage(saved.parameters), try ExponentialMovingAverage(other.parameters)
    )
    let mismatch = #expect(throws: StateMismatch.self) { try another.restore(average.state()) }
    #expect(mismatch?.differences.count == 2)
    try average.restore(average.state())
    // A dictionary would hold only one of their states.
    let both = saved.parameters + other.parameters
    #expect(throws: OptimizerError.duplicateParameter(name: names[1])) { try AdamW(both) }
    #expect(throws: OptimizerError.duplicateParameter(name: names[1])) { try ExponentialMovingAverage(both) }

    let accumulator = GradientAccumulator(saved.parameters)
    try accumulator.add()
    #expect(throws: StateMismatch.self) {
      try GradientAccumulator(other.parameters).restore(accumulator.state())
    }
  }
}

import Checkpoints
import Foundation
import Optimizers
import Safetensors
import Tensors
import TestSupport
import Testing

@testable import adafactor

/// Files for `adafactor step` in a separate folder.
final class StepFiles {
  let folder: URL

  init() throws { folder = try ToolRunner.temporaryFolder() }
  deinit { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
  func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: path(name))) }
  func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  func write(_ tensors: [String: Tensor], _ name: String, metadata: [String: String] = [:]) throws {
    try TensorCollection(tensors, metadata: metadata).write(to: path(name))
  }

  func configuration(_ json: String) throws {
    try json.write(toFile: path("config.json"), atomically: false, encoding: .utf8)
  }

  func read(_ name: String) throws -> TensorCollection { try TensorCollection(path: path(name)) }

  /// Returns the arguments of `adafactor step` for config.json, P and G, and optionally S.
  func arguments(
    state: String? = nil, out: (parameters: String, state: String) = ("P2", "S2")
  ) -> [String] {
    [
      "step", "--config", path("config.json"), "--parameters", path("P"), "--gradients", path("G"),
      "--out-parameters", path(out.parameters), "--out-state", path(out.state),
    ] + (state.map { ["--state", path($0)] } ?? [])
  }

  func step(
    state: String? = nil, out: (parameters: String, state: String) = ("P2", "S2"), _ more: String...
  ) throws -> ToolRunner.Result {
    try ToolRunner.run(arguments(state: state, out: out) + more)
  }
}

/// Returns tensors of many shapes, which are the same for the same seed.
private func randomTensors(_ seed: UInt64, without: String...) -> [String: Tensor] {
  var generator = SeededGenerator(seed: seed)
  let shapes: [(String, Shape, ScalarType)] = [
    ("a.weight", [20, 30], .float32), ("a.bias", [30], .float32), ("scalar", [], .float32),
    ("convolution", [4, 3, 3, 3], .float32), ("double", [5, 6], .float64), ("wide", [3, 4000], .float32),
  ]
  var tensors: [String: Tensor] = [:]
  for (name, shape, type) in shapes {
    tensors[name] = Tensor(normal: shape, as: type, using: &generator)
  }
  for name in without { tensors[name] = nil }
  return tensors
}

@Suite("adafactor step") struct StepCommandTests {
  private let files: StepFiles

  init() throws { files = try StepFiles() }

  // MARK: Names

  @Test func `Names that differ only in Unicode normal form are different parameters`() throws {
    let names = ["\u{E9}", "e\u{301}"]
    func write(_ values: [Float], _ file: String) throws {
      var writer = try SafetensorsWriter(
        path: files.path(file), tensors: names.map { SafetensorsDescriptor($0, .float32, shape: [1]) })
      for (name, value) in zip(names, values) { try writer.append([value].span.bytes, to: name) }
      try writer.commit()
    }
    try files.configuration(
      #"{"optimizer": "adamw", "groups": [{"parameters": ["\u00e9"], "lr": 0.5, "weight_decay": 0}, {"lr": 0}]}"#
    )
    try write([1, 1], "P")
    try write([1, 100], "G")
    for step in 1...2 {
      let result = try files.step(state: step == 1 ? nil : "S", out: ("P", "S"))
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output == "stepped 2 of 2 parameters\n")
    }
    let (parameters, state) = (
      try SafetensorsFile(path: files.path("P")), try SafetensorsFile(path: files.path("S"))
    )
    #expect(try parameters.values(of: names[0], as: Float.self)[0] < 0.1)
    #expect(try parameters.values(of: names[1], as: Float.self) == [1])
    // Each has its own moments.
    #expect(try state.values(of: names[0] + ".exp_avg", as: Float.self)[0] < 1)
    #expect(try state.values(of: names[1] + ".exp_avg", as: Float.self)[0] > 10)
    let inspection = try ToolRunner.run("inspect", files.path("S"), "--format", "json")
    #expect(inspection.output.contains("e\u{301}.exp_avg"))
  }

  @Test func `16-bit states, such as torch keeps after loading, are widened`() throws {
    try files.configuration(#"{"optimizer": "adamw", "groups": [{}]}"#)
    try files.write(randomTensors(1), "P")
    try files.write(randomTensors(2), "G")
    #expect(try files.step(out: ("P", "S")).status == 0)
    var state = try files.read("S")
    for (name, tensor) in state.tensors where tensor.scalarType == .float32 {
      state.tensors[name] = tensor.converted(to: .bfloat16)
    }
    try state.write(to: files.path("S16"))
    for (name, tensor) in state.tensors where tensor.scalarType == .bfloat16 {
      state.tensors[name] = tensor.converted(to: .float32)
    }
    try state.write(to: files.path("S32"))
    let results = try ["S16", "S32"].map { try files.step(state: $0, out: ("P" + $0, "out" + $0)) }
    #expect(results.map(\.status) == [0, 0], "\(results.map(\.errors))")
    #expect(try files.bytes("PS16") == files.bytes("PS32") && files.bytes("outS16") == files.bytes("outS32"))
  }

  // MARK: Results

  @Test(arguments: Backend.available, [1, 2])
  func `Steps on files give the same bits as the library's optimizer`(backend: Backend, threads: Int) throws {
    try files.configuration(
      """
      {"optimizer": "adafactor", "groups": [
        {"parameters": ["a.weight", "scalar"], "lr": 0.05, "relative_step": false, "beta1": 0.9, "weight_decay": 0.1},
        {"warmup_init": true, "eps": [1e-20, 0.01], "clip_threshold": 0.5, "decay_rate": -0.7}]}
      """)
    let parameters = randomTensors(1).map { Parameter($0.key, $0.value) }
    let isFirst = { (parameter: Parameter) in ["a.weight", "scalar"].contains(parameter.name) }
    let optimizer = try Adafactor(
      groups: [
        ParameterGroup(
          parameters.filter(isFirst),
          options: .init(learningRate: .constant(0.05), beta1: 0.9, weightDecay: 0.1)),
        ParameterGroup(
          parameters.filter { !isFirst($0) },
          options: .init(
            learningRate: .relative(warmupInit: true), squaredGradientEpsilon: 1e-20,
            parameterScaleEpsilon: 0.01, clipThreshold: 0.5, decayRate: -0.7)),
      ], backend: backend)
    try files.write(randomTensors(1), "P", metadata: ["format": "pt"])
    for step in 1...4 {
      // One parameter has no gradient in two of the steps, and none before its first step.
      let gradients =
        step.isMultiple(of: 2)
        ? randomTensors(10 + UInt64(step)) : randomTensors(10 + UInt64(step), without: "a.bias")
      try files.write(gradients, "G")
      for parameter in parameters { parameter.gradient = gradients[parameter.name] }
      try optimizer.step()
      // In place, except for the first state.
      let result = try files.step(
        state: step == 1 ? nil : "S", out: ("P", "S"), "--backend", backend.rawValue, "--threads",
        "\(threads)")
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output == "stepped \(gradients.count) of 6 parameters\n")
      let (written, state) = (try files.read("P"), try files.read("S"))
      #expect(written.metadata == ["format": "pt"])
      for parameter in parameters {
        #expect(written.tensors[parameter.name]?.scalarType == parameter.value.scalarType)
        #expect(
          written.tensors[parameter.name]?.doubles == parameter.value.doubles,
          "\(parameter) after step \(step)")
        let expected = optimizer.state(of: parameter)
        #expect(state.integers["\(parameter.name).step"] == expected?.step)
        for name in Adafactor.State.tensorNames ?? [] {
          #expect(
            state.tensors["\(parameter.name).\(name)"]?.doubles == expected?.tensors[name]?.doubles,
            "\(parameter).\(name)")
        }
        #expect(state.tensors["\(parameter.name).RMS"]?[] == expected?.rootMeanSquare)
      }
    }
    #expect(try files.names() == ["G", "P", "S", "config.json"])
    // The state is a file that the library can restore.
    let state = optimizer.state()
    try optimizer.restoreState(from: files.path("S"))
    #expect(optimizer.state().parameters.mapValues(\.step) == state.parameters.mapValues(\.step))
  }

  @Test func `Steps of AdamW give the same bits as the library's`() throws {
    try files.configuration(
      """
      {"optimizer": "adamw", "groups": [
        {"parameters": ["a.weight"], "lr": 0.05, "betas": [0.8, 0.9], "weight_decay": 0.1, "amsgrad": true},
        {"eps": 1e-6, "maximize": true}]}
      """)
    let parameters = randomTensors(1).map { Parameter($0.key, $0.value) }
    let optimizer = try AdamW(groups: [
      ParameterGroup(
        parameters.filter { $0.name == "a.weight" },
        options: .init(learningRate: 0.05, beta1: 0.8, beta2: 0.9, weightDecay: 0.1, amsgrad: true)),
      ParameterGroup(
        parameters.filter { $0.name != "a.weight" }, options: .init(epsilon: 1e-6, maximize: true)),
    ])
    try files.write(randomTensors(1), "P")
    for step in 1...3 {
      let gradients = randomTensors(20 + UInt64(step))
      try files.write(gradients, "G")
      for parameter in parameters { parameter.gradient = gradients[parameter.name] }
      try optimizer.step()
      let result = try files.step(state: step == 1 ? nil : "S", out: ("P", "S"))
      #expect(result.status == 0, "\(result.errors)")
      let written = try files.read("P").tensors
      for parameter in parameters { #expect(written[parameter.name]?.doubles == parameter.value.doubles) }
    }
    let expected = optimizer.state()
    try optimizer.restoreState(from: files.path("S"))
    #expect(optimizer.state() == expected)
  }

  @Test(arguments: OptimizerKind.allCases, Rounding.allCases)
  func `Every optimizer steps 16-bit parameters in files with the library's rounding`(
    optimizer: OptimizerKind, rounding: Rounding
  ) throws {
    // Muon steps only matrices, and SOAP's eigenbasis of 4,000 columns takes too long.
    func tensors(_ seed: UInt64) -> [String: Tensor] {
      randomTensors(seed).filter { name, tensor in
        switch optimizer {
        case .muon: tensor.shape.rank == 2
        case .soap, .factoredSOAP: name != "wide"
        default: true
        }
      }
    }
    let initial = tensors(1).mapValues { $0.converted(to: .bfloat16) }
    let parameters = initial.map { Parameter($0.key, $0.value) }
    func configuration(_ rounding: Rounding) -> String {
      #"{"optimizer": "\#(optimizer.rawValue)", "groups": [{"rounding": "\#(rounding.rawValue)", "rounding_seed": 5}]}"#
    }
    func makeLibrary<Rule: FileRule>(_: Rule.Type) throws -> Optimizer {
      var options = Rule()
      (options.rounding, options.roundingSeed) = (rounding, 5)
      return try RuleOptimizer(parameters, options: options)
    }
    let library = try makeLibrary(optimizer.rule)
    try files.write(initial, "P")
    for step in 1...3 {
      let gradients = tensors(30 + UInt64(step))
      try files.write(gradients, "G")
      for parameter in parameters { parameter.gradient = gradients[parameter.name] }
      try library.step()
      try files.configuration(configuration(rounding))
      let result = try files.step(state: step == 1 ? nil : "S", out: ("P", "S"))
      #expect(result.status == 0, "\(result.errors)")
      let written = try files.read("P").tensors
      for parameter in parameters { #expect(written[parameter.name]?.doubles == parameter.value.doubles) }
    }
    let residuals = try files.read("S").tensors.filter { $0.key.hasSuffix(".residual") }
    #expect(residuals.count == (rounding == .compensated ? parameters.count : 0))
    #expect(residuals.values.allSatisfy { $0.scalarType == .bfloat16 })
    try library.restoreState(from: files.path("S"))
    // With another rounding, it is dropped.
    try files.configuration(configuration(.nearest))
    let result = try files.step(state: "S", out: ("P", "S"))
    #expect(result.status == 0, "\(result.errors)")
    #expect(try !files.read("S").tensors.keys.contains { $0.hasSuffix(".residual") })
  }

  @Test func `A step from evaluation weights first returns to the training weights`() throws {
    let parameters = randomTensors(1).map { Parameter($0.key, $0.value) }
    let optimizer = try ScheduleFreeAdamW(parameters)
    func setGradients(_ step: UInt64) throws {
      let gradients = randomTensors(20 + step)
      try files.write(gradients, "G")
      for parameter in parameters { parameter.gradient = gradients[parameter.name] }
    }
    try setGradients(1)
    try optimizer.step()
    optimizer.eval()
    try files.write(Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.value) }), "P")
    try optimizer.saveState(to: files.path("S"))
    #expect(try files.read("S").tensors["a.weight.train_mode"]?[] == 0)
    optimizer.train()
    try setGradients(2)
    try optimizer.step()
    try files.configuration(#"{"optimizer": "schedule_free_adamw", "groups": [{}]}"#)
    let result = try files.step(state: "S", out: ("P", "S"))
    #expect(result.status == 0, "\(result.errors)")
    let (written, state) = (try files.read("P").tensors, try files.read("S").tensors)
    for parameter in parameters {
      #expect(written[parameter.name]?.doubles == parameter.value.doubles)
      #expect(state["\(parameter.name).train_mode"]?[] == 1 && state["\(parameter.name).y"] == nil)
    }
    let expected = optimizer.state()
    try optimizer.restoreState(from: files.path("S"))
    #expect(optimizer.state() == expected)
  }

  @Test func `A step also writes the evaluation weights of all parameters`() throws {
    var options = ScheduleFreeAdamWOptions(learningRate: 0.1)
    options.rounding = .compensated
    let initial = randomTensors(1).mapValues { $0.converted(to: .bfloat16) }
    let parameters = initial.map { Parameter($0.key, $0.value) }
    let optimizer = try ScheduleFreeAdamW(parameters, options: options)
    try files.write(initial, "P")
    try files.configuration(
      #"{"optimizer": "schedule_free_adamw", "groups": [{"lr": 0.1, "rounding": "compensated"}]}"#)
    for step in 1...3 {
      // One parameter has no gradient in the last step, and another has none in any step.
      let gradients = randomTensors(20 + UInt64(step), without: step == 3 ? "a.bias" : "", "scalar")
      try files.write(gradients, "G")
      for parameter in parameters { parameter.gradient = gradients[parameter.name] }
      try optimizer.step()
      let result = try files.step(
        state: step == 1 ? nil : "S", out: ("P", "S"), "--out-evaluation", files.path("E"))
      #expect(result.status == 0, "\(result.errors)")
      let written = try files.read("P").tensors
      for parameter in parameters { #expect(written[parameter.name] == parameter.value) }
      optimizer.eval()
      let evaluation = try files.read("E").tensors
      for parameter in parameters { #expect(evaluation[parameter.name] == parameter.value) }
      #expect(evaluation["scalar"] == initial["scalar"])
      // After the first step, all weights are equal.
      #expect((evaluation["a.bias"] == written["a.bias"]) == (step == 1))
      optimizer.train()
    }
    let same = try files.step(state: "S", out: ("P", "S"), "--out-evaluation", files.path("P"))
    #expect(
      same.status != 0 && same.errors.contains("--out-parameters and --out-evaluation are the same file"))
    try files.configuration(#"{"optimizer": "adamw", "groups": [{}]}"#)
    let other = try files.step(out: ("P2", "S2"), "--out-evaluation", files.path("E"))
    #expect(other.status != 0 && other.errors.contains("belongs to schedule_free_adamw"), "\(other.errors)")
  }

  @Test func `Parameters without a gradient are copied unchanged, of any type`() throws {
    let tensors: [SafetensorsDescriptor] = [
      .init("ids", .int64, shape: [3]), .init("mask", .bool, shape: [2]),
      .init("frozen", .bfloat16, shape: [700_000]),
      .init("w", .float32, shape: [2]), .init("tiny", .float8E4M3, shape: [5]),
    ]
    var writer = try SafetensorsWriter(
      path: files.path("P"), tensors: tensors, metadata: ["a": "b"], order: .asGiven)
    for tensor in writer.tensors {
      let bytes = (0..<tensor.byteRange.count).map { UInt8(truncatingIfNeeded: 3 * $0 + 1) & 1 }
      try writer.append(bytes.span.bytes, to: tensor.name)
    }
    try writer.commit()
    try files.write(["w": Tensor([1, 2])], "G")
    try files.configuration(#"{"optimizer": "adafactor", "groups": [{}]}"#)
    let result = try files.step()
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output == "stepped 1 of 2 parameters\n")
    let (before, after) = (
      try SafetensorsFile(path: files.path("P")), try SafetensorsFile(path: files.path("P2"))
    )
    #expect(after.header == before.header)
    for tensor in before.tensors {
      #expect(try (after.bytes(of: tensor.name) == before.bytes(of: tensor.name)) == (tensor.name != "w"))
    }
    #expect(try Set(files.read("S2").tensors.keys) == ["w.exp_avg_sq", "w.RMS"])
  }

  @Test func `Momentum that the options no longer use stays in the state`() throws {
    try files.write(["w": Tensor([1, 2])], "P")
    try files.write(["w": Tensor([3, 4])], "G")
    try files.configuration(
      #"{"optimizer": "adafactor", "groups": [{"beta1": 0.9, "lr": 1, "relative_step": false, "scale_parameter": false}]}"#
    )
    #expect(try files.step().status == 0)
    #expect(try Set(files.read("S2").tensors.keys) == ["w.exp_avg_sq", "w.exp_avg"])
    try files.configuration(#"{"optimizer": "adafactor", "groups": [{}]}"#)
    let result = try files.step(state: "S2", out: ("P3", "S3"))
    #expect(result.status == 0, "\(result.errors)")
    #expect(
      try files.read("S3").tensors["w.exp_avg"]?.doubles == files.read("S2").tensors["w.exp_avg"]?.doubles)
    #expect(try files.read("S3").integers == ["w.step": 2])
  }

  @Test(arguments: NonFiniteChoice.allCases, ["adafactor", "adamw"])
  func `A gradient that is not finite is handled according to the policy`(
    policy: NonFiniteChoice, optimizer: String
  ) throws {
    try files.configuration(#"{"optimizer": "\#(optimizer)", "groups": [{}]}"#)
    try files.write(["w": Tensor([1, 2]), "v": Tensor([1])], "P")
    try files.write(["w": Tensor([2, 1]), "v": Tensor([1])], "G")
    #expect(try files.step(out: ("P", "S")).status == 0)
    try files.write(["w": Tensor([.nan, 1]), "v": Tensor([1])], "G")
    let (parameters, state) = (try files.bytes("P"), try files.bytes("S"))
    let before = (try files.read("P"), try files.read("S"))
    let name = policy.rawValue
    let result = try files.step(state: "S", out: ("P", "S"), "--non-finite", name)
    let after = (try files.read("P"), try files.read("S"))
    #expect(result.errors.contains("\"w\" is not finite"), "\(result.errors)")
    let (isW, isV) = (
      after.0.tensors["w"]?.doubles == before.0.tensors["w"]?.doubles,
      after.0.tensors["v"]?.doubles == before.0.tensors["v"]?.doubles
    )
    switch policy {
    case .propagate:
      #expect(result.status == 0 && !isV)
      #expect(after.0.tensors["w"]?.doubles.contains { $0.isNaN } == true)
    case .skipParameter:
      #expect(result.output == "stepped 1 of 2 parameters\n")
      #expect(isW && !isV)
      #expect(after.1.integers == ["w.step": 1, "v.step": 2])
      for (part, tensor) in before.1.tensors where part.hasPrefix("w.") {
        #expect(after.1.tensors[part]?.doubles == tensor.doubles)
      }
    case .skipStep:
      #expect(result.output == "stepped 0 of 2 parameters\n")
      #expect(try files.bytes("P") == parameters)
      #expect(after.1.integers == before.1.integers)
      #expect(after.1.tensors.mapValues(\.doubles) == before.1.tensors.mapValues(\.doubles))
    case .throwError:
      #expect(result.status == 1)
      #expect(try files.bytes("P") == parameters)
      #expect(try files.bytes("S") == state)
      // This is the default policy.
      #expect(try files.step(state: "S", out: ("P", "S")).errors == result.errors)
    }
    #expect(try files.names() == ["G", "P", "S", "config.json"])
  }

  @Test(arguments: NonFiniteChoice.allCases, ["adamw", "adafactor", "sgd"])
  func `A finite update beyond the range of the parameter's type is written only by propagate`(
    policy: NonFiniteChoice, optimizer: String
  ) throws {
    let scaling = optimizer == "adafactor" ? #", "scale_parameter": false, "relative_step": false"# : ""
    try files.configuration(
      #"{"optimizer": "\#(optimizer)", "groups": [{"lr": 1, "weight_decay": 1e30\#(scaling)}]}"#)
    try files.write(["w": Tensor([1, 1e20])], "P")
    try files.write(["w": Tensor([1, 1])], "G")
    let parameters = try files.bytes("P")
    let result = try files.step("--non-finite", policy.rawValue)
    if policy == .propagate {
      #expect(result.status == 0 && result.errors.contains("\"w\""), "\(result.errors)")
    } else if optimizer == "sgd" {
      // SGD's policy considers only the gradient.
      #expect(result.status == 1 && result.errors.contains("the step would make \"w\" infinite or NaN"))
      #expect(try files.names() == ["G", "P", "config.json"])
    } else if policy == .throwError {
      #expect(result.status == 1 && result.errors.contains("The update of \"w\" is not finite"))
      #expect(try files.names() == ["G", "P", "config.json"])
    } else {
      #expect(result.status == 0 && result.output == "stepped 0 of 1 parameters\n", "\(result.errors)")
      #expect(try files.read("P2").tensors["w"]?.doubles == [1, Double(Float(1e20))])
    }
    #expect(try files.bytes("P") == parameters)
  }

  @Test func `A warning says that threads are limited to the number of cores`() throws {
    try files.configuration(#"{"optimizer": "adamw", "groups": [{}]}"#)
    try files.write(["w": Tensor([1, 2])], "P")
    try files.write(["w": Tensor([1, 1])], "G")
    let cores = ProcessInfo.processInfo.processorCount
    for threads in [cores + 1, .max] {
      let result = try files.step("--threads", "\(threads)")
      #expect(result.status == 0)
      #expect(
        result.errors.contains("--threads is \(threads), but there are \(cores) cores"), "\(result.errors)")
    }
    #expect(try files.step("--threads", "\(cores)").errors == "")
  }

  @Test func `A parameter that is skipped in its first step has no state yet`() throws {
    try files.configuration(#"{"optimizer": "adafactor", "groups": [{}]}"#)
    try files.write(["w": Tensor([1, 2]), "v": Tensor([1])], "P")
    try files.write(["w": Tensor([.infinity, 1]), "v": Tensor([1])], "G")
    let result = try files.step("--non-finite", "skip-parameter")
    #expect(result.status == 0, "\(result.errors)")
    #expect(try Set(files.read("S2").tensors.keys) == ["v.exp_avg_sq", "v.RMS"])
  }

  @Test func `Parameters without elements are copied, for any length of their other axes`() throws {
    try files.configuration(#"{"optimizer": "adafactor", "groups": [{}]}"#)
    let shapes = [[65536, 0, 4096], [1 << 40, 0], [0, 1 << 56], [1 << 20, 0, 1 << 30], [0], [0, 0, 0]]
    let tensors =
      shapes.enumerated().map { SafetensorsDescriptor("e\($0.offset)", .float32, shape: $0.element) }
      + [SafetensorsDescriptor("w", .float32, shape: [2])]
    for name in ["P", "G"] {
      var writer = try SafetensorsWriter(path: files.path(name), tensors: tensors)
      let values: [Float] = [1, 2]
      try writer.append(values.span.bytes, to: "w")
      try writer.commit()
    }
    for state in [nil, "S2"] {
      let result = try files.step(state: state)
      #expect(result.output == "stepped 1 of 7 parameters\n", "\(result.errors)")
    }
    #expect(try SafetensorsFile(path: files.path("P2")).tensors.map(\.shape) == tensors.map(\.shape))
    #expect(try ToolRunner.run("inspect", files.path("P2")).status == 0)
  }

  @Test func `A step counter of any number type is read, and the greatest one cannot be increased`() throws {
    try files.configuration(#"{"optimizer": "adamw", "groups": [{}]}"#)
    try files.write(["w": Tensor([1, 2])], "P")
    try files.write(["w": Tensor([3, 4])], "G")
    func state(_ type: SafetensorsScalarType, shape: [Int], _ bytes: [UInt8]) throws {
      var writer = try SafetensorsWriter(
        path: files.path("S"),
        tensors: [
          .init("w.step", type, shape: shape), .init("w.exp_avg", .float32, shape: [2]),
          .init("w.exp_avg_sq", .float32, shape: [2]),
        ])
      let moments = [UInt8](repeating: 0, count: 8)
      try writer.append(bytes.span.bytes, to: "w.step")
      for name in ["w.exp_avg", "w.exp_avg_sq"] { try writer.append(moments.span.bytes, to: name) }
      try writer.commit()
    }
    func bytes<Number>(_ number: Number) -> [UInt8] { withUnsafeBytes(of: number) { Array($0) } }
    for (type, shape, bytes) in [
      (.int64, [], bytes(Int64(7))), (.int32, [], bytes(Int32(7))), (.uint8, [1], [7]),
      (.uint64, [1, 1], bytes(UInt64(7))), (.float32, [], bytes(Float(7))), (.int16, [1], bytes(Int16(7))),
    ] as [(SafetensorsScalarType, [Int], [UInt8])] {
      try state(type, shape: shape, bytes)
      let result = try files.step(state: "S")
      #expect(result.status == 0, "\(result.errors)")
      #expect(try files.read("S2").integers == ["w.step": 8])
    }
    for (type, shape, bytes, message) in [
      (
        .int64, [], bytes(Int64.max),
        "\"w.step\" is 9223372036854775807: the next step cannot be counted"
      ),
      (.uint64, [], bytes(UInt64.max), "\"w.step\" is U64 of shape [], not a signed 64-bit integer"),
      (.float64, [], bytes(0x1p63), "\"w.step\" is 9.223372036854776e+18, not a signed 64-bit integer"),
      (.float32, [], bytes(Float(1.5)), "\"w.step\" is 1.5, not a signed 64-bit integer"),
      (.int32, [2], bytes(Int64(7)), "\"w.step\" is I32 of shape [2], not a signed 64-bit integer"),
      (.int64, [], bytes(Int64.min), "is -9223372036854775808"),
    ] as [(SafetensorsScalarType, [Int], [UInt8], String)] {
      try state(type, shape: shape, bytes)
      for command in [["inspect", files.path("S")], []] {
        let result = try command.isEmpty ? files.step(state: "S") : ToolRunner.run(command)
        #expect(result.status == (command.isEmpty ? 1 : 0), "\(result.errors)")
        if command.isEmpty { #expect(result.errors.contains(message), "\(result.errors)") }
      }
    }
  }

  // MARK: Errors

  /// Tests files that are valid except for the effect of `change`, and the error that contains `messages`.
  /// Nothing is written.
  private func expectRefusal(
    _ messages: String..., sourceLocation: SourceLocation = #_sourceLocation,
    by change: (StepFiles) throws -> Void
  ) throws {
    let files = try StepFiles()
    try files.configuration(#"{"optimizer": "adafactor", "groups": [{}]}"#)
    try files.write(randomTensors(1), "P")
    try files.write(randomTensors(2), "G")
    #expect(try files.step(out: ("P", "S")).status == 0)
    try change(files)
    let names = try files.names()
    let before = try names.map { try files.bytes($0) }
    let result = try files.step(state: "S", out: ("P", "S"))
    #expect(result.status != 0, sourceLocation: sourceLocation)
    for message in messages {
      #expect(result.errors.contains(message), "\(result.errors)", sourceLocation: sourceLocation)
    }
    #expect(try files.names() == names, sourceLocation: sourceLocation)
    #expect(try names.map { try files.bytes($0) } == before, sourceLocation: sourceLocation)
  }

  @Test func `An invalid configuration is refused with its file and position`() throws {
    for (json, message) in [
      (
        #"{"optimizer": "adafactor", "groups": [{"parameters": ["b.weight"]}]}"#,
        "groups[0]: the parameter \"b.weight\" is not in "
      ),
      (
        #"{"optimizer": "adafactor", "groups": [{"parameters": ["a.bias", "a.bias"]}]}"#,
        "groups[0] names the parameter \"a.bias\" twice"
      ),
      (
        #"{"optimizer": "adafactor", "groups": [{"parameters": ["a.bias"]}, {"parameters": ["a.bias"]}]}"#,
        "the parameter \"a.bias\" is in groups[0] and in groups[1]"
      ),
      (
        #"{"optimizer": "adafactor", "groups": [{"parameters": ["a.bias"]}]}"#,
        "no group contains the parameter \"double\", which has a gradient in "
      ),
      (#"{"optimizer": "adafactor", "groups": [{}, {}]}"#, "groups 0 and 1 have no \"parameters\""),
      (#"{"optimizer": "adafactor", "groups": []}"#, "\"groups\" must hold at least one"),
      (#"{"optimizer": "adafactor"}"#, "\"groups\" must hold at least one"),
      (#"{"groups": [{}]}"#, "\"optimizer\" must be one of \"adafactor\", \"adamw\""),
      (#"{"optimizer": "rmsprop", "groups": [{}]}"#, "the optimizer \"rmsprop\" is not one of \"adafactor\""),
      (
        #"{"optimizer": "adafactor", "groups": [{}], "lr": 1}"#,
        "\"lr\" is neither \"optimizer\" nor \"groups\""
      ),
      (
        #"{"optimizer": "adafactor", "groups": [{"lr": 1}]}"#,
        "groups[0]: Cannot combine manual `lr` and `relative_step=True` options"
      ),
      (
        #"{"optimizer": "adafactor", "groups": [{"learning_rate": 1}]}"#,
        "groups[0]: There is no option \"learning_rate\""
      ),
      (#"{"optimizer": "adafactor", "groups": [{"weight_decay": -1}]}"#, "groups[0]: weight_decay is -1.0"),
      (
        #"{"optimizer": "adafactor", "groups": [{"weight_decay": "x"}]}"#,
        "groups[0]: weight_decay: must be a number"
      ),
      (
        #"{"optimizer": "adafactor", "groups": [{"rounding_seed": -1}]}"#,
        "groups[0]: rounding_seed is -1, which is out of range"
      ),
      (
        #"{"optimizer": "adafactor", "groups": [{"rounding": "up"}]}"#,
        "groups[0]: rounding is \"up\", which is not one of its values"
      ),
      (
        "{\n\"optimizer\": \"adamw\", \"groups\": [\n{\"lr\": 1e400}]}",
        ":3: lr is 1e400, which is too large"
      ),
      (
        #"{"optimizer": "adamw", "groups": [{"lr": 1e-3, "eps": 1e-8, "lr": 1e-1}]}"#,
        ":1: an object has the key \"lr\" twice"
      ),
      (#"{"optimizer": "adamw", "\u006fptimizer": "adamw"}"#, "has the key \"optimizer\" twice"),
      (
        #"{"optimizer": "adafactor", "groups": [{"parameters": "a.bias"}]}"#,
        "[0].parameters: must be an array"
      ),
      (#"{"optimizer": "#, "config.json:1: is not JSON: expected a value"),
    ] {
      try expectRefusal("config.json", message) { try $0.configuration(json) }
    }
    try expectRefusal("config.json", "No such file") {
      try FileManager.default.removeItem(atPath: $0.path("config.json"))
    }
  }

  @Test func `Gradients that do not match are refused with file and tensor`() throws {
    try expectRefusal("/G", "\"other\" is the gradient of no parameter in ") {
      try $0.write(randomTensors(2).merging(["other": Tensor([1])]) { $1 }, "G")
    }
    try expectRefusal("/G", "the gradient of \"a.bias\" has the shape [29]", "the shape [30]") {
      try $0.write(["a.bias": Tensor(zeros: [29])], "G")
    }
    try expectRefusal("/G", "\"a.bias\" is I32, which no step can change") { files in
      var writer = try SafetensorsWriter(
        path: files.path("G"), tensors: [.init("a.bias", .int32, shape: [30])])
      let bytes = [UInt8](repeating: 0, count: 120)
      try writer.append(bytes.span.bytes, to: "a.bias")
      try writer.commit()
    }
    try expectRefusal("/G", "No such file") { try FileManager.default.removeItem(atPath: $0.path("G")) }
    try expectRefusal("/G") { try Data([1, 2, 3]).write(to: URL(filePath: $0.path("G"))) }
  }

  @Test func `A state that does not match is refused with file and tensor`() throws {
    func changed(_ messages: String, _ change: @escaping (inout TensorCollection) -> Void) throws {
      try expectRefusal("/S", messages) { files in
        var state = try files.read("S")
        change(&state)
        try state.write(to: files.path("S"))
      }
    }
    try changed("the state belongs to adamw, not to adafactor") { $0.metadata["optimizer"] = "adamw" }
    try changed("\"b.exp_avg\" belongs to no parameter") { $0.tensors["b.exp_avg"] = Tensor([1]) }
    try changed("\"nodot\" belongs to no parameter") { $0.tensors["nodot"] = Tensor([1]) }
    try changed("\"a.bias.max_exp_avg_sq\" is not part of this optimizer's state") {
      $0.tensors["a.bias.max_exp_avg_sq"] = Tensor([1])
    }
    try changed("\"a.bias.step\" is missing") { $0.integers["a.bias.step"] = nil }
    try changed("The step of \"a.bias\" is -1") { $0.integers["a.bias.step"] = -1 }
    try changed("The state of \"a.weight\" has no row moments") {
      $0.tensors["a.weight.exp_avg_sq_row"] = nil
    }
    try changed("The state of \"a.weight\" has column moments of shape [31]") {
      $0.tensors["a.weight.exp_avg_sq_col"] = Tensor(zeros: [31])
    }
    try changed("The state of \"a.bias\" has second moments of type float64") {
      $0.tensors["a.bias.exp_avg_sq"] = Tensor(zeros: [30], as: .float64)
    }
    try changed("\"a.bias.RMS\" has the shape [2], not one number") {
      $0.tensors["a.bias.RMS"] = Tensor([1, 2])
    }
  }

  @Test func `A file that ends too early changes nothing`() throws {
    try expectRefusal("/P") { files in
      let bytes = try files.bytes("P")
      try bytes.dropLast(1000).write(to: URL(filePath: files.path("P")))
    }
  }

  @Test func `Impossible outputs are refused`() throws {
    try files.configuration(#"{"optimizer": "adafactor", "groups": [{}]}"#)
    try files.write(randomTensors(1), "P")
    try files.write(randomTensors(2), "G")
    try FileManager.default.createSymbolicLink(atPath: files.path("link"), withDestinationPath: "O")
    try FileManager.default.createSymbolicLink(atPath: files.path("here"), withDestinationPath: ".")
    for other in ["O", "./O", "link", "here/O"] {
      let same = try files.step(out: ("O", other))
      #expect(same.status != 0)
      #expect(same.errors.contains("--out-parameters and --out-state are the same file"), "\(same.errors)")
    }
    for (out, message) in [
      (("config.json", "S2"), "--config and --out-parameters are the same file"),
      (("G", "S2"), "--gradients and --out-parameters are the same file"),
      (("P", "here/P"), "--out-parameters and --out-state are the same file"),
      (("P2", "./P"), "--parameters and --out-state are the same file"),
    ] {
      let result = try files.step(out: out)
      #expect(result.status != 0)
      #expect(result.errors.contains(message), "\(result.errors)")
    }
    try FileManager.default.removeItem(atPath: files.path("link"))
    try FileManager.default.removeItem(atPath: files.path("here"))
    let nowhere = try files.step(out: ("P2", "none/S2"))
    #expect(nowhere.status != 0)
    #expect(nowhere.errors.contains("none"))
    #expect(try files.names() == ["G", "P", "config.json"])
    let threads = try files.step(out: ("P2", "S2"), "--threads", "0")
    #expect(threads.status != 0)
    #expect(threads.errors.contains("--threads is 0, but must be at least 1."))
  }
}

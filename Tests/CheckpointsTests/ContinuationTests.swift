import Checkpoints
import Foundation
import Optimizers
import Safetensors
import Tensors
import TestSupport
import Testing

/// A run of the reference that stops after step 6 and ends after step 12: see Reference/README.md.
private struct ReferenceContinuation {
  static let stop = 6
  static let end = 12

  static func path(_ name: String) -> String {
    Bundle.module.bundleURL.appending(path: "Reference/\(name).safetensors").path
  }

  let parameters: [Parameter]
  let optimizer: Adafactor
  private let gradients: TensorCollection

  /// Creates the parameters at a point of the run, and an optimizer for them that has not stepped yet.
  init(at moment: String, backend: Backend = .default) throws {
    let values = try TensorCollection(path: Self.path("\(moment)-parameters")).tensors
    gradients = try TensorCollection(path: Self.path("gradients"))
    func group(_ names: [String], _ options: Adafactor.Options) -> ParameterGroup<Adafactor.Options> {
      ParameterGroup(names.map { Parameter($0, values[$0]!) }, options: options)
    }
    let groups = [
      group(
        ["hidden.weight", "hidden.bias"], .init(learningRate: .constant(0.02), beta1: 0.9, weightDecay: 0.01)),
      group(
        ["embedding", "convolution", "scale", "resting"],
        .init(learningRate: .relative(warmupInit: true), clipThreshold: .infinity)),
    ]
    parameters = groups.flatMap(\.parameters)
    optimizer = try Adafactor(groups: groups, backend: backend)
  }

  func run(_ steps: ClosedRange<Int>) throws {
    for step in steps {
      for parameter in parameters { parameter.gradient = gradients.tensors["\(step)/\(parameter.name)"] }
      try optimizer.step()
    }
  }

  /// Expects the parameters of the reference within 10⁻⁵ of the distance from `start` plus one unit in the
  /// last place per step.
  func compareParameters(with moment: String, from start: String) throws {
    try Self.compare(
      Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.value) }), with: moment, from: start)
  }

  static func compare(_ values: [String: Tensor], with moment: String, from start: String) throws {
    let before = try TensorCollection(path: path("\(start)-parameters")).tensors
    let after = try TensorCollection(path: path("\(moment)-parameters")).tensors
    #expect(Set(values.keys) == Set(after.keys))
    for (name, expected) in after {
      let (from, to) = (before[name]!.scalars(as: Float.self), expected.scalars(as: Float.self))
      let way = zip(from, to).reduce(0) { max($0, abs($1.0 - $1.1)) }
      let largest = (from + to).reduce(0) { max($0, abs($1)) }
      #expect(way > 0 || name == "resting")
      let bound = 1e-5 * way + Float(end) * largest.ulp
      for (index, (our, their)) in zip(values[name]!.scalars(as: Float.self), to).enumerated() {
        #expect(abs(our - their) <= bound, "\(name)[\(index)]: \(our), reference \(their), bound \(bound)")
      }
    }
  }

  /// Expects the state of the reference: the same names, types and groups, and numbers within a relative
  /// error of 10⁻⁵.
  static func compareState(at path: String, with moment: String) throws {
    let (ours, theirs) = (
      try SafetensorsFile(path: path), try SafetensorsFile(path: self.path("\(moment)-state"))
    )
    #expect(Set(ours.tensors.map(\.descriptor)) == Set(theirs.tensors.map(\.descriptor)))
    #expect(ours.metadata["optimizer"] == theirs.metadata["optimizer"])
    func groups(_ file: SafetensorsFile) throws -> NSArray? {
      try JSONSerialization.jsonObject(with: Data(file.metadata["groups"]!.utf8)) as? NSArray
    }
    #expect(try groups(ours) == groups(theirs))
    let (our, their) = (
      try TensorCollection(path: path), try TensorCollection(path: self.path("\(moment)-state"))
    )
    #expect(our.integers == their.integers)
    for (name, expected) in their.tensors {
      let expected = expected.scalars(as: Double.self)
      // Updates of both signs cancel in the average of updates, so the largest average determines the bound.
      let floor = name.hasSuffix(".exp_avg") ? expected.reduce(0) { max($0, abs($1)) } : 0
      for (our, their) in zip(our.tensors[name]!.scalars(as: Double.self), expected) {
        #expect(abs(our - their) <= 1e-5 * max(abs(their), floor), "\(name): \(our), reference \(their)")
      }
    }
  }
}

@Suite struct ContinuationTests {
  @Test(arguments: Backend.available)
  func `A run that began in Python continues in Swift`(backend: Backend) throws {
    let run = try ReferenceContinuation(at: "stop", backend: backend)
    try run.optimizer.restoreState(from: ReferenceContinuation.path("stop-state"))
    try run.run(ReferenceContinuation.stop + 1...ReferenceContinuation.end)
    try run.compareParameters(with: "end", from: "stop")
    let folder = try TemporaryFolder()
    try run.optimizer.saveState(to: folder.file("state"))
    try ReferenceContinuation.compareState(at: folder.file("state"), with: "end")
  }

  @Test(arguments: Backend.available)
  func `A run that began in Swift has the same state as in Python`(backend: Backend) throws {
    let run = try ReferenceContinuation(at: "begin", backend: backend)
    try run.run(1...ReferenceContinuation.stop)
    try run.compareParameters(with: "stop", from: "begin")
    let folder = try TemporaryFolder()
    try run.optimizer.saveState(to: folder.file("state"))
    try ReferenceContinuation.compareState(at: folder.file("state"), with: "stop")
  }

  // MARK: With Python

  /// The folder of the scripts.
  private static let scripts = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "scripts").path

  @Test(.enabled(if: Python.reference != nil, Python.explanation))
  func `A run that began in Swift continues in Python`() throws {
    let run = try ReferenceContinuation(at: "begin")
    try run.run(1...ReferenceContinuation.stop)
    let folder = try TemporaryFolder()
    try run.optimizer.saveState(to: folder.file("state"))
    let values = Dictionary(uniqueKeysWithValues: run.parameters.map { ($0.name, $0.value) })
    try TensorCollection(values).write(to: folder.file("parameters"))

    let python = try #require(Python.reference)
    try python.run(
      "\(Self.scripts)/convert_state.py", "to-torch", folder.file("state"), folder.file("state.pt"))
    try python.run(
      "-c",
      """
      import sys
      import torch
      from safetensors.torch import load_file, save_file
      from transformers import Adafactor
      parameters_path, state_path, gradients_path, output, stop, end = sys.argv[1:]
      parameters = {k: torch.nn.Parameter(v) for k, v in load_file(parameters_path).items()}
      gradients = load_file(gradients_path)
      state = torch.load(state_path, weights_only=True)
      groups = [{"params": [parameters[n] for n in g["param_names"]]} for g in state["param_groups"]]
      optimizer = Adafactor(groups, lr=None)
      optimizer.load_state_dict(state)
      for step in range(int(stop) + 1, int(end) + 1):
          for name, parameter in parameters.items():
              parameter.grad = gradients.get(f"{step}/{name}")
          optimizer.step()
      save_file({k: v.detach().clone() for k, v in parameters.items()}, output)
      """,
      folder.file("parameters"), folder.file("state.pt"), ReferenceContinuation.path("gradients"),
      folder.file("end"), "\(ReferenceContinuation.stop)", "\(ReferenceContinuation.end)")
    try ReferenceContinuation.compare(
      TensorCollection(path: folder.file("end")).tensors, with: "end", from: "stop")
  }

  @Test(.enabled(if: Python.reference != nil, Python.explanation), arguments: ["AdamW", "Adafactor"])
  func `A state that is converted to a file and back continues in Python with the same bits`(kind: String)
    throws
  {
    let folder = try TemporaryFolder()
    let python = try #require(Python.reference)
    let program = """
      import json, sys
      import torch
      from transformers import Adafactor
      folder, kind, part = sys.argv[1:]
      torch.manual_seed(1)
      parameters = [torch.nn.Parameter(torch.randn(s)) for s in ([4, 6], [6], [3, 5])]
      groups = [{"params": parameters[:2], "weight_decay": 0.1}, {"params": parameters[2:]}]
      if kind == "AdamW":
          optimizer = torch.optim.AdamW(groups, lr=0.01, betas=(0.8, 0.99), amsgrad=True)
      else:
          optimizer = Adafactor(groups, lr=0.01, beta1=0.9, relative_step=False)
      def step():
          for parameter in parameters[:2] if len(optimizer.state) < 3 else parameters:
              parameter.grad = torch.randn(parameter.shape)
          optimizer.step()
      for _ in range(4):
          step()
      if part == "save":
          torch.save(optimizer.state_dict(), f"{folder}/state.pt")
          json.dump(["a", "b", "c"], open(f"{folder}/names.json", "w"))
      else:
          before = optimizer.state_dict()
          values = [p.detach().clone() for p in parameters]
          random = torch.get_rng_state()
          step()
          expected = [p.detach().clone() for p in parameters]
          for parameter, value in zip(parameters, values):
              parameter.data.copy_(value)
          torch.set_rng_state(random)
          state = torch.load(f"{folder}/back.pt", weights_only=True)
          optimizer.load_state_dict(state)
          step()
          assert all(torch.equal(a, b) for a, b in zip(parameters, expected))
          print("same")
      """
    try python.run("-c", program, folder.path, kind, "save")
    let names = folder.file("names.json")
    let convert = "\(Self.scripts)/convert_state.py"
    try python.run(
      convert, "to-safetensors", folder.file("state.pt"), folder.file("state"), "--names", names)
    try python.run(convert, "to-torch", folder.file("state"), folder.file("back.pt"), "--names", names)
    #expect(try python.run("-c", program, folder.path, kind, "continue") == "same\n")
  }

  @Test(.enabled(if: Python.reference != nil, Python.explanation))
  func `The error of the script names the state that it cannot convert`() throws {
    let folder = try TemporaryFolder()
    let python = try #require(Python.reference)
    try python.run(
      "-c",
      """
      import sys, torch
      parameter = torch.nn.Parameter(torch.ones(2))
      torch.save(torch.optim.SGD([parameter], lr=1).state_dict(), f"{sys.argv[1]}/sgd.pt")
      torch.save(torch.optim.AdamW([parameter]).state_dict(), f"{sys.argv[1]}/adamw.pt")
      """, folder.path)
    let convert = "\(Self.scripts)/convert_state.py"
    func message(_ arguments: String...) throws -> String {
      let error = #expect(throws: Python.Failure.self) { try python.run([convert] + arguments) }
      return error?.output ?? ""
    }
    #expect(
      try message("to-safetensors", folder.file("sgd.pt"), folder.file("out"))
        .contains("neither transformers.Adafactor's state nor torch.optim.AdamW's"))
    #expect(
      try message("to-safetensors", folder.file("adamw.pt"), folder.file("out"))
        .contains("give them with --names"))
    #expect(try message("to-safetensors", folder.file("none.pt"), folder.file("out")).contains("none.pt"))
    #expect(try python.run(convert, "--help").contains("names.json"))
  }
}

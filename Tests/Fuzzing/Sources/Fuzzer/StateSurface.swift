import Checkpoints
import Foundation
import Optimizers
import Safetensors
import Schedules
import Tensors

@testable import AdafactorTool

/// Returns parameters of every shape and type that a step handles differently, each with a gradient.
func sampleParameters() -> [Parameter] {
  let parameters = [
    Parameter("w", Tensor(ones: [2, 3])), Parameter("b", Tensor(ones: [2], as: .bfloat16)),
    Parameter("s", Tensor(ones: [], as: .float64)),
  ]
  for parameter in parameters {
    parameter.gradient = Tensor(repeating: 0.5, shape: parameter.value.shape)
  }
  return parameters
}

/// Returns an optimizer of these parameters: AdamW with everything that its state can hold, or Adafactor.
func sampleOptimizer(isAdamW: Bool) throws -> Optimizer {
  isAdamW
    ? try AdamW(
      sampleParameters(), options: .init(amsgrad: true, rounding: .compensated), nonFinitePolicy: .throwError,
      threads: 1)
    : try Adafactor(
      sampleParameters(), options: .init(learningRate: .constant(0.1), beta1: 0.9),
      nonFinitePolicy: .throwError, threads: 1)
}

/// The configurations of the same optimizers.
let sampleConfigurations = [
  #"{"optimizer": "adafactor", "groups": [{"lr": 0.1, "relative_step": false, "beta1": 0.9}]}"#,
  #"{"optimizer": "adamw", "groups": [{"amsgrad": true, "rounding": "compensated"}]}"#,
]

func requireFinite(_ tensor: Tensor, _ name: String) {
  if let wrong = tensor.scalars(as: Double.self).first(where: { !$0.isFinite }) {
    fatalError("\(name) is \(wrong) after a step that reported nothing")
  }
}

/// The files of `adafactor step` in the folder of a surface.
struct StepFiles {
  let place: Workplace

  init(_ place: Workplace) throws {
    self.place = place
    let parameters = sampleParameters()
    func tensors(_ value: (Parameter) -> Tensor) -> TensorCollection {
      TensorCollection(Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, value($0)) }))
    }
    try tensors { $0.value }.write(to: place.path("P"))
    try tensors { $0.gradient! }.write(to: place.path("G"))
    for (index, text) in sampleConfigurations.enumerated() { try place.write(text.utf8, "config\(index)") }
  }

  /// Takes a step in this process. Finite parameters must stay finite, unless the step is refused.
  func step(config: String, state: String?) throws {
    let command = try StepCommand.parse(
      [
        "--config", place.path(config), "--parameters", place.path("P"), "--gradients", place.path("G"),
        "--out-parameters", place.path("P2"), "--out-state", place.path("S2"), "--threads", "1",
      ] + (state.map { ["--state", place.path($0)] } ?? []))
    try command.run()
    for (name, tensor) in try TensorCollection(path: place.path("P2")).tensors { requireFinite(tensor, name) }
  }
}

/// Saved states of optimizers, for `restoreState` and for `adafactor step`.
///
/// The first byte of an input chooses the optimizer and the reader.
final class StateSurface: Surface {
  private let files: StepFiles

  init(_ place: Workplace) throws { files = try StepFiles(place) }

  var seeds: [[UInt8]] {
    get throws {
      try (0..<4).map { choice in
        let optimizer = try sampleOptimizer(isAdamW: choice % 2 == 1)
        try optimizer.step()
        try optimizer.saveState(to: files.place.path("S"))
        return [UInt8(choice)] + TensorFile.input(try files.place.read("S"))
      }
    }
  }

  let words = [
    "exp_avg", "exp_avg_sq", "exp_avg_sq_row", "exp_avg_sq_col", "max_exp_avg_sq", "step", "RMS",
    "residual", "F32", "F64", "BF16", "F16", "I64", "U64", "I32", "w", "b", "s", "adafactor", "adamw",
    "groups",
  ]

  func check(_ input: [UInt8]) throws {
    guard let choice = input.first.map({ Int($0) % 4 }) else { return }
    try files.place.write(TensorFile.file(input.dropFirst()), "S")
    if choice >= 2 { return try files.step(config: "config\(choice % 2)", state: "S") }
    let optimizer = try sampleOptimizer(isAdamW: choice % 2 == 1)
    try optimizer.restoreState(from: files.place.path("S"))
    for _ in 0..<3 {
      try optimizer.step()
      for parameter in optimizer.parameters { requireFinite(parameter.value, parameter.name) }
    }
  }
}

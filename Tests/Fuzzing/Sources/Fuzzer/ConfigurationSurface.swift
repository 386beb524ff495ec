import Foundation

/// Configurations of `adafactor step`. The first byte of an input chooses the state that they are used with.
final class ConfigurationSurface: Surface {
  private let files: StepFiles

  init(_ place: Workplace) throws {
    files = try StepFiles(place)
    for index in sampleConfigurations.indices {
      try files.step(config: "config\(index)", state: nil)
      try FileManager.default.moveItem(atPath: place.path("S2"), toPath: place.path("S\(index)"))
    }
  }

  var seeds: [[UInt8]] {
    let others = [
      """
      {"optimizer": "adafactor", "groups": [{"parameters": ["w"], "lr": 1e-3, "eps": [1e-30, 1e-3], "clip_threshold": 1.0,
      "decay_rate": -0.8, "beta1": null, "weight_decay": 0.01, "scale_parameter": false, "relative_step": false,
      "warmup_init": false, "rounding": "stochastic", "rounding_seed": 3}, {}]}
      """,
      """
      {"optimizer": "adamw", "groups": [{"parameters": ["b", "s"], "lr": 1e-3, "betas": [0.9, 0.999], "eps": 1e-8,
      "weight_decay": 0.01, "amsgrad": false, "maximize": true, "rounding": "nearest"}, {"lr": 0.5}]}
      """,
    ]
    return (sampleConfigurations + others).enumerated().flatMap { index, text in
      [0, 1 + index % 2].map { [UInt8($0)] + Array(text.utf8) }
    }
  }

  let words = [
    "lr", "eps", "betas", "beta1", "decay_rate", "clip_threshold", "weight_decay", "amsgrad", "maximize",
    "relative_step", "scale_parameter", "warmup_init", "rounding", "rounding_seed", "stochastic",
    "compensated",
    "adafactor", "adamw", "parameters", "groups", "optimizer", "w", "b", "s",
  ]

  func check(_ input: [UInt8]) throws {
    guard let choice = input.first.map({ Int($0) % 3 }) else { return }
    try files.place.write(input.dropFirst(), "config")
    try files.step(config: "config", state: choice == 0 ? nil : "S\(choice - 1)")
  }
}

// swift-tools-version: 6.2

import Foundation
import PackageDescription

// A user's package that depends on this package by its path. Each target is a complete program that checks its own
// result. scripts/test builds and runs them with OpenBLAS and without it.
let traits: Set<Package.Dependency.Trait> =
  ProcessInfo.processInfo.environment["CONSUMER_TRAITS"] == "none" ? [] : [.defaults]

/// Returns a target for the program in the folder with its name, and the libraries that it imports.
func program(_ name: String, _ libraries: String...) -> Target {
  .executableTarget(
    name: name, dependencies: libraries.map { .product(name: $0, package: "swift-adafactor") })
}

let package = Package(
  name: "consumer",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "swift-adafactor", path: "../..", traits: traits)],
  targets: [
    // The program in the README, byte for byte.
    program("Quickstart", "Optimizers", "Schedules", "Tensors"),
    // Updates of the program's own arrays.
    program("OwnBuffers", "Optimizers", "Tensors"),
    // Accumulation, clipping, a schedule and checkpoints. It is killed, and resumes with the same bits.
    program("TrainingLoop", "Checkpoints", "Optimizers", "Schedules", "Tensors"),
    // A step for each parameter as soon as its gradient exists.
    program("ReleasedGradients", "Optimizers", "Tensors"),
    // BFloat16 parameters and three ways to round them.
    program("LowPrecision", "Optimizers", "Tensors"),
    // Low-rank adapters for frozen weights, in two groups and a separate file.
    program("Adapters", "Checkpoints", "Optimizers", "Tensors"),
    // Optimizers with the program's own rules, with every feature of the library's optimizers.
    program("OwnRule", "Checkpoints", "Optimizers", "Schedules", "Tensors"),
    // The same training on every backend of the build.
    program("BothBackends", "Optimizers", "Tensors"),
  ]
)

// swift-tools-version: 6.2

import PackageDescription

// A separate package, so that users of the library don't resolve its dependencies.
let package = Package(
  name: "benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "swift-adafactor", path: ".."),
    // The package's interposers count allocations and reference counts, which these benchmarks don't use.
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
  ],
  targets: [
    // The shapes of models, and the minimum memory traffic of a step on them.
    .target(name: "Workloads", dependencies: [.adafactor("Optimizers"), .adafactor("Tensors")]),
    // Measures on command, for the comparison with other libraries: scripts/peers runs it.
    .executableTarget(
      name: "Peers",
      dependencies: [
        "Workloads", .adafactor("Checkpoints"), .adafactor("Optimizers"), .adafactor("Tensors"),
      ]),
    // Trains a physics-informed network, for the comparison of convergence: scripts/peers runs it too.
    .executableTarget(
      name: "PhysicsInformed",
      dependencies: [.adafactor("Optimizers"), .adafactor("Schedules"), .adafactor("Tensors")]),
    // Whole optimizer steps.
    .benchmark("Steps", ["Workloads", .adafactor("Optimizers"), .adafactor("Tensors")]),
    // Limits on the cost of a step. Only this target has thresholds.
    .benchmark("Costs", ["Workloads", .adafactor("Optimizers"), .adafactor("Tensors")]),
    // The parts of a step, and sums of rows and columns.
    .benchmark("Kernels", ["Workloads", .adafactor("Optimizers"), .adafactor("Tensors")]),
    // The matrix product.
    .benchmark("MatrixProduct", ["Workloads", .adafactor("Tensors")]),
    // Learning-rate schedules.
    .benchmark("Schedules", [.adafactor("Optimizers"), .adafactor("Schedules"), .adafactor("Tensors")]),
    // Tensors to and from files, compared with `cp`.
    .benchmark("Files", [.adafactor("Checkpoints"), .adafactor("Tensors")]),
  ],
  swiftLanguageModes: [.v6]
)

extension Target.Dependency {
  static func adafactor(_ product: String) -> Self { .product(name: product, package: "swift-adafactor") }
}

extension Target {
  static func benchmark(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
      name: "\(name)Benchmarks",
      dependencies: [.product(name: "Benchmark", package: "benchmark")] + dependencies,
      path: "Benchmarks/\(name)", plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
  }
}

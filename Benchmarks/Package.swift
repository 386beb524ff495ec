// swift-tools-version: 6.2

import PackageDescription

// A package of its own: whoever links the library resolves none of this.
let package = Package(
  name: "benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "swift-adafactor", path: ".."),
    // Its interposer counts allocations, which nothing here asks for.
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
  ],
  targets: [
    // Whole optimizer steps over the shapes that models have, beside the memory traffic that they cannot do without.
    .executableTarget(
      name: "Steps",
      dependencies: [
        .product(name: "Benchmark", package: "benchmark"),
        .product(name: "Optimizers", package: "swift-adafactor"),
        .product(name: "Tensors", package: "swift-adafactor"),
      ],
      path: "Benchmarks/Steps",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    // Tensors to and from files, beside `cp`.
    .executableTarget(
      name: "Files",
      dependencies: [
        .product(name: "Benchmark", package: "benchmark"),
        .product(name: "Checkpoints", package: "swift-adafactor"),
        .product(name: "Tensors", package: "swift-adafactor"),
      ],
      path: "Benchmarks/Files",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
  ],
  swiftLanguageModes: [.v6]
)

// swift-tools-version: 6.2

import PackageDescription

// A package of its own: it builds only with `-sanitize=fuzzer`, which not every toolchain has, so neither users of
// the library nor its tests should meet it. `scripts/fuzz` builds and runs it.
let package = Package(
  name: "swift-adafactor-fuzzing",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "swift-adafactor", path: "../..", traits: [])],
  targets: [
    // The one function of libFuzzer that is called by name.
    .systemLibrary(name: "CLibFuzzer"),
    // Feeds the reader of safetensors headers.
    .executableTarget(
      name: "FuzzSafetensors",
      dependencies: ["CLibFuzzer", .product(name: "Safetensors", package: "swift-adafactor")]),
  ],
  swiftLanguageModes: [.v6]
)

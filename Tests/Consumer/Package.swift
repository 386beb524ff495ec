// swift-tools-version: 6.2

import Foundation
import PackageDescription

// A package as a user writes it, which depends on this one by its path: scripts/test builds and runs it both ways.
let traits: Set<Package.Dependency.Trait> =
  ProcessInfo.processInfo.environment["CONSUMER_TRAITS"] == "none" ? [] : [.defaults]

let package = Package(
  name: "consumer",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "swift-adafactor", path: "../..", traits: traits)],
  targets: [
    .executableTarget(
      name: "consumer",
      dependencies: [
        .product(name: "Optimizers", package: "swift-adafactor"),
        .product(name: "Schedules", package: "swift-adafactor"),
        .product(name: "Tensors", package: "swift-adafactor"),
      ])
  ]
)

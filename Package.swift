// swift-tools-version: 6.2

import PackageDescription

// The kernels are compiled a second time for AVX2, and chosen when the program runs, where the compiler's machine has x86-64.
// SWIFT_ADAFACTOR_BASELINE leaves that copy out, as a build for another architecture must.
#if arch(x86_64)
  let hasAVX2 = Context.environment["SWIFT_ADAFACTOR_BASELINE"] == nil
#else
  let hasAVX2 = false
#endif

let package = Package(
  name: "swift-adafactor",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Optimizers", targets: ["Optimizers"]),
    .library(name: "Schedules", targets: ["Schedules"]),
    .library(name: "Tensors", targets: ["Tensors"]),
    .library(name: "ScalarTypes", targets: ["ScalarTypes"]),
    .library(name: "Safetensors", targets: ["Safetensors"]),
    .library(name: "Checkpoints", targets: ["Checkpoints"]),
    .library(name: "DistributedTraining", targets: ["DistributedTraining"]),
    .executable(name: "adafactor", targets: ["adafactor"]),
    // For programs in C and other languages: scripts/wheel links it into one shared library.
    .library(name: "CInterface", type: .static, targets: ["CInterface"]),
  ],
  traits: [
    .trait(
      name: "OpenBLAS", description: "Builds the backend on OpenBLAS in addition to the one in pure Swift."),
    .trait(name: "MPI", description: "Builds the communicator over MPI, for training on several machines."),
    .trait(
      name: "Tool",
      description: "Builds the command-line tool. Packages that use only the libraries can leave it out."),
    .default(enabledTraits: ["OpenBLAS", "Tool"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.1"),
  ],
  targets: [
    // MARK: Kernels

    // cblas of the system's OpenBLAS.
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas",
      providers: [.apt(["libopenblas-dev"]), .brew(["openblas"])]),
    // LAPACKE, the C interface of LAPACK: on Linux a package of its own, in Homebrew's OpenBLAS a part of it.
    .systemLibrary(
      name: "CLAPACKE", pkgConfig: "lapacke",
      providers: [.apt(["liblapacke-dev"]), .brew(["openblas"])]),
    // What the processor can do, and what only C can ask of it.
    .systemLibrary(name: "CProcessor"),
    // The platform's C library under one name.
    .target(name: "CLibrary"),
    // BFloat16 and the scalar types: values without kernels.
    .target(name: "ScalarTypes"),
    // The kernel tables, the partition into blocks and the arguments of kernels; no arithmetic.
    .target(name: "KernelInterface", dependencies: ["ScalarTypes"]),
    // Factorizations in pure Swift, on the kernels of a table: always built, and once.
    .target(name: "SwiftFactorizations", dependencies: ["KernelInterface"]),
    // All kernels in pure Swift: always built.
    .target(
      name: "SwiftKernels",
      dependencies: [
        "KernelInterface", "SwiftFactorizations", "CProcessor",
        .product(name: "RealModule", package: "swift-numerics"),
      ],
      // Without it a square root is a call for the sake of errno, and never a vector's.
      swiftSettings: [.unsafeFlags(["-Xcc", "-fno-math-errno"])]),
    // The kernels that OpenBLAS replaces; empty without the trait.
    .target(
      name: "OpenBLASKernels",
      dependencies: [
        "KernelInterface", "SwiftFactorizations",
        .target(name: "COpenBLAS", condition: .when(traits: ["OpenBLAS"])),
        .target(name: "CLAPACKE", condition: .when(traits: ["OpenBLAS"])),
      ]),
    // Which kernels compute, and on which threads.
    .target(
      name: "Backends",
      dependencies: [
        "CLibrary", "CProcessor", "KernelInterface", "ScalarTypes", "SwiftKernels",
        .target(name: "OpenBLASKernels", condition: .when(traits: ["OpenBLAS"])),
      ] + (hasAVX2 ? ["SwiftKernelsAVX2"] : []),
      swiftSettings: hasAVX2 ? [.define("AVX2")] : []),

    // MARK: Libraries

    // Tensor, Shape and linear algebra.
    .target(
      name: "Tensors",
      dependencies: [
        "Backends", "CLibrary", "KernelInterface", "ScalarTypes",
        .product(name: "RealModule", package: "swift-numerics"),
      ]),
    // Learning-rate schedules: values, and what drives an optimizer with one.
    .target(name: "Schedules", dependencies: [.product(name: "RealModule", package: "swift-numerics")]),
    // Adafactor, AdamW, rules of your own, and what training needs around them.
    .target(
      name: "Optimizers",
      dependencies: [
        "Backends", "KernelInterface", "Tensors", "Schedules",
        .product(name: "RealModule", package: "swift-numerics"),
      ],
      // The checks at run time take a fifth of the step of a small tensor. Debug builds, and with them the tests, have them.
      swiftSettings: [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]),
    // Reader and writer of the safetensors format.
    .target(name: "Safetensors", dependencies: ["CLibrary", "ScalarTypes"]),
    // Saving and resuming: models, optimizers, schedules and positions.
    .target(
      name: "Checkpoints", dependencies: ["CLibrary", "Optimizers", "Schedules", "Tensors", "Safetensors"]),
    // The system's MPI, Open MPI or MPICH.
    .systemLibrary(
      name: "CMPI", pkgConfig: "mpi", providers: [.apt(["libopenmpi-dev"]), .brew(["open-mpi"])]),
    // Communicators, and training on several of their ranks.
    .target(
      name: "DistributedTraining",
      dependencies: [
        "Backends", "CLibrary", "KernelInterface", "Optimizers", "Tensors",
        .target(name: "CMPI", condition: .when(traits: ["MPI"])),
      ]),

    // The header of the C interface.
    .systemLibrary(name: "CAdafactor"),
    // The functions of the C interface.
    .target(
      name: "CInterface",
      dependencies: [
        "Backends", "CAdafactor", "KernelInterface", "Optimizers", "ScalarTypes", "Schedules", "Tensors",
      ],
      swiftSettings: [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]),

    // MARK: Tool

    .executableTarget(
      name: "adafactor",
      dependencies: [
        "Optimizers", "Schedules", "Tensors", "Safetensors", "Checkpoints",
        // Without the trait, SwiftPM doesn't fetch the package.
        .product(
          name: "ArgumentParser", package: "swift-argument-parser", condition: .when(traits: ["Tool"])),
      ],
      resources: [.copy("Resources")]),

    // MARK: Tests

    // Counts the calls to cblas, so that a test can tell that they were made.
    .target(
      name: "CBLASCounter",
      dependencies: [
        .target(name: "COpenBLAS", condition: .when(traits: ["OpenBLAS"])),
        .target(name: "CLAPACKE", condition: .when(traits: ["OpenBLAS"])),
      ],
      path: "Tests/CBLASCounter",
      cSettings: [.define("OPENBLAS", .when(traits: ["OpenBLAS"]))]),
    // Temporary folders, reproducible numbers, comparisons and recorded numbers, for several test targets.
    .target(name: "TestSupport", dependencies: ["Tensors"], path: "Tests/TestSupport"),
    .testTarget(
      name: "KernelsTests",
      dependencies: [
        "Backends", "CBLASCounter", "KernelInterface", "OpenBLASKernels", "Optimizers", "Tensors",
        "TestSupport",
      ]),
    .testTarget(
      name: "TensorsTests", dependencies: ["Backends", "KernelInterface", "Tensors", "TestSupport"]),
    .testTarget(name: "SchedulesTests", dependencies: ["Schedules"], resources: [.copy("Reference")]),
    .testTarget(
      name: "OptimizersTests",
      dependencies: ["Backends", "KernelInterface", "Optimizers", "Safetensors", "Tensors", "TestSupport"],
      resources: [.copy("Reference")]),
    .testTarget(
      name: "SafetensorsTests", dependencies: ["Safetensors", "ScalarTypes", "TestSupport"],
      resources: [.copy("Reference")]),
    // Saves checkpoints until it is killed.
    .executableTarget(
      name: "CheckpointSaver", dependencies: ["Checkpoints"], path: "Tests/CheckpointSaver"),
    .testTarget(
      name: "CheckpointsTests", dependencies: ["Checkpoints", "CheckpointSaver", "TestSupport"],
      resources: [.copy("Reference")]),
    // Checks and trainings that run on several ranks, and the program that runs them under mpirun.
    .target(
      name: "RankSupport", dependencies: ["Checkpoints", "DistributedTraining", "Optimizers", "Tensors"],
      path: "Tests/RankSupport"),
    .executableTarget(
      name: "RankProgram", dependencies: ["DistributedTraining", "Optimizers", "RankSupport", "Tensors"],
      path: "Tests/RankProgram"),
    .testTarget(
      name: "DistributedTrainingTests",
      dependencies: [
        "Checkpoints", "DistributedTraining", "Optimizers", "RankProgram", "RankSupport", "Tensors",
        "TestSupport",
      ]),
    .testTarget(
      name: "ToolTests",
      dependencies: ["adafactor", "Checkpoints", "Optimizers", "Schedules", "Tensors", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)

if hasAVX2 {
  package.targets += [
    // The same sources as SwiftKernels, compiled for AVX2.
    .target(
      name: "SwiftKernelsAVX2",
      dependencies: [
        "KernelInterface", "SwiftFactorizations", "CProcessor",
        .product(name: "RealModule", package: "swift-numerics"),
      ],
      exclude: ["README.md"],
      swiftSettings: [
        .define("F16C"),
        .unsafeFlags(["-Xcc", "-fno-math-errno", "-Xcc", "-march=x86-64-v3"]),
      ])
  ]
}

// The fuzzer needs a toolchain with libFuzzer and the tool as a library: only `scripts/fuzz` builds it.
if Context.environment["SWIFT_ADAFACTOR_FUZZING"] != nil {
  package.targets += [
    .systemLibrary(name: "CLibFuzzer", path: "Tests/Fuzzing/Sources/CLibFuzzer"),
    // The sources of the tool, with its main function under another name.
    .target(
      name: "AdafactorTool",
      dependencies: [
        "Optimizers", "Schedules", "Tensors", "Safetensors", "Checkpoints",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/Fuzzing/Sources/AdafactorTool", exclude: ["Tool/Resources", "Tool/adafactor.docc"],
      swiftSettings: [
        .unsafeFlags(["-Xfrontend", "-entry-point-function-name", "-Xfrontend", "adafactor_main"])
      ]),
    .executableTarget(
      name: "Fuzzer",
      dependencies: [
        "AdafactorTool", "CLibFuzzer", "Checkpoints", "Optimizers", "Safetensors", "Schedules", "Tensors",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/Fuzzing/Sources/Fuzzer"),
  ]
}

// The tests need not be fast; unoptimized they build in less than half the time.
for target in package.targets where target.type == .test {
  target.swiftSettings = [.unsafeFlags(["-Onone"], .when(configuration: .release))]
}

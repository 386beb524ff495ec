@_exported public import ScalarTypes
import KernelInterface

#if OpenBLAS
  import OpenBLASKernels
#endif

/// A set of kernels that computes everything in this package.
///
/// Both backends compute the same quantities. Each gives the same bits for any number of this package's
/// threads. Matrix products and factorizations on OpenBLAS run on OpenBLAS's threads, and the number of those
/// threads can change the last bits.
public enum Backend: String, Sendable, Hashable, Codable, CaseIterable {
  /// Kernels on OpenBLAS, in builds with the trait `OpenBLAS`.
  case openBLAS = "openblas"
  /// Kernels in pure Swift, in every build.
  case swift

  #if OpenBLAS
    /// The backends in this build, the default of tensors first.
    public static let available: [Backend] = [.openBLAS, .swift]
  #else
    /// The backends in this build, the default of tensors first.
    public static let available: [Backend] = [.swift]
  #endif

  /// The backend that ``withDefault(_:_:)`` set for this task.
  @TaskLocal private static var chosen: Backend?

  /// The backend of tensor operations: the one that ``withDefault(_:_:)`` set for this task, otherwise the
  /// first of ``available``.
  public static var `default`: Backend { chosen ?? available[0] }

  /// The backend of optimizers that don't specify one: the one that ``withDefault(_:_:)`` set for this task,
  /// otherwise ``swift``, which steps at least as fast as OpenBLAS for every shape in the benchmarks.
  /// Optimizers that multiply matrices, such as Muon and SOAP, use ``default`` instead.
  public static var defaultForOptimizers: Backend { chosen ?? .swift }

  /// Runs `body` with `backend` as ``default`` and ``defaultForOptimizers``, for this task and its children.
  public static func withDefault<Result>(
    _ backend: Backend, _ body: () throws -> Result
  ) rethrows -> Result {
    try $chosen.withValue(backend, operation: body)
  }

  /// The kernel table.
  ///
  /// - Precondition: The backend is ``available``.
  package var kernels: KernelTable {
    switch self {
    case .swift:
      return SwiftKernelChoice.kernels
    case .openBLAS:
      #if OpenBLAS
        return SwiftKernelChoice.usesBaseline ? Self.kernelsOnOpenBLASAndBaseline : Self.kernelsOnOpenBLAS
      #else
        fatalError("The backend \"openblas\" is not in this build: build with the trait OpenBLAS.")
      #endif
    }
  }

  #if OpenBLAS
    private static let kernelsOnOpenBLAS = openBLASKernels(over: SwiftKernelChoice.kernels)
    private static let kernelsOnOpenBLASAndBaseline = openBLASKernels(over: SwiftKernelChoice.baseline)
  #endif
}

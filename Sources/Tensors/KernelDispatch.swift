@_exported public import Kernels

#if OpenBLAS
  import OpenBLASKernels
#endif

/// The kernel paths of this build, and which of them computes: the one place that chooses.
extension KernelPathKind {
  #if OpenBLAS
    /// The paths in this build, the default first.
    public static let available: [KernelPathKind] = [.openBLAS, .swift]
  #else
    /// The paths in this build, the default first.
    public static let available: [KernelPathKind] = [.swift]
  #endif

  /// The path that computes for this task unless a call names another: the first of ``available``,
  /// or what ``using(_:_:)`` set.
  @TaskLocal public static var current: KernelPathKind = available[0]

  /// Runs `body` with `path` as ``current``, for this task and its children.
  public static func using<Result>(_ path: KernelPathKind, _ body: () throws -> Result) rethrows -> Result {
    try $current.withValue(path, operation: body)
  }

  /// The implementation.
  ///
  /// - Precondition: the path is ``available``.
  package var kernels: any KernelPath {
    switch self {
    case .swift:
      return SwiftKernelChoice.kernels
    case .openBLAS:
      #if OpenBLAS
        return OpenBLASKernels(swift: SwiftKernelChoice.kernels)
      #else
        preconditionFailure("The kernel path \"openblas\" is not in this build: enable the trait OpenBLAS.")
      #endif
    }
  }
}

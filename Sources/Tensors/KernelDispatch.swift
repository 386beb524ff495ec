@_exported public import Kernels

#if OpenBLAS
  import OpenBLASKernels
#endif

/// The kernel paths of this build, and which of them computes: the one place that chooses.
extension KernelPathKind {
  #if OpenBLAS
    /// The paths in this build, the default of tensors first.
    public static let available: [KernelPathKind] = [.openBLAS, .swift]
  #else
    /// The paths in this build, the default of tensors first.
    public static let available: [KernelPathKind] = [.swift]
  #endif

  /// What ``using(_:_:)`` set for this task.
  @TaskLocal private static var chosen: KernelPathKind?

  /// The path that computes with tensors unless a call names another: what ``using(_:_:)`` set for this task, or else the
  /// first of ``available``.
  public static var current: KernelPathKind { chosen ?? available[0] }

  /// The path that steps parameters unless an optimizer is told another: what ``using(_:_:)`` set for this task, or else
  /// pure Swift, whose steps measure faster than those on BLAS, or as fast, for every shape of the benchmarks.
  public static var currentForSteps: KernelPathKind { chosen ?? .swift }

  /// Runs `body` with `path` as ``current`` and ``currentForSteps``, for this task and its children.
  public static func using<Result>(_ path: KernelPathKind, _ body: () throws -> Result) rethrows -> Result {
    try $chosen.withValue(path, operation: body)
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

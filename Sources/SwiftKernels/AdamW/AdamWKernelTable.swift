import Kernels

/// The AdamW kernels for a parameter of one type and a gradient of another, compiled for these types.
struct AdamWKernelTable: Sendable {
  let update: @Sendable (MutableElements, GradientPiece, AdamWMoments, AdamWRule, ParameterChange) -> Void

  @inline(__always)
  private init<P: StoredScalar, G: StoredScalar, A: Arithmetic>(_: P.Type, _: G.Type, _: A.Type) {
    update = { AdamWUpdate<P, G, A>.update($0, $1, moments: $2, rule: $3, change: $4) }
  }

  /// The kernels for parameters of type `parameter` and gradients of type `gradient`.
  static func table(parameter: ScalarType, gradient: ScalarType) -> AdamWKernelTable {
    switch (parameter, gradient) {
    case (.float32, .float32): float32
    case (.float32, .float64): float32FromFloat64
    case (.float64, .float32): float64FromFloat32
    case (.float64, .float64): float64
    default: preconditionFailure("no kernel updates \(parameter) parameters from \(gradient) gradients")
    }
  }

  private static let float32 = AdamWKernelTable(Float.self, Float.self, Float.self)
  private static let float32FromFloat64 = AdamWKernelTable(Float.self, Double.self, Float.self)
  private static let float64FromFloat32 = AdamWKernelTable(Double.self, Float.self, Double.self)
  private static let float64 = AdamWKernelTable(Double.self, Double.self, Double.self)
}

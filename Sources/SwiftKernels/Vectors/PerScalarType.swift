import KernelInterface

/// One value for every scalar type that this platform computes with.
struct PerScalarType<Value: Sendable>: Sendable {
  let bfloat16: Value
  /// Nil where Swift has no `Float16`: on Macs with Intel processors.
  var float16: Value?
  let float32: Value
  let float64: Value

  /// The values, but for Float16's.
  init(bfloat16: Value, float32: Value, float64: Value) {
    self.bfloat16 = bfloat16
    self.float32 = float32
    self.float64 = float64
  }

  /// The value for `type`.
  subscript(type: ScalarType) -> Value {
    switch type {
    case .bfloat16: return bfloat16
    case .float16:
      guard let float16 else { preconditionFailure("this platform has no Float16") }
      return float16
    case .float32: return float32
    case .float64: return float64
    }
  }
}

/// The type of a tensor's elements, known at run time.
public enum ScalarType: String, Sendable, Hashable, Codable, CaseIterable {
  /// Eight exponent bits, seven significand bits: `Float`'s range at half its size.
  case bfloat16
  /// IEEE 754 binary16.
  case float16
  /// IEEE 754 binary32, Swift's `Float`.
  case float32
  /// IEEE 754 binary64, Swift's `Double`.
  case float64

  /// The number of bytes per element.
  public var byteCount: Int {
    switch self {
    case .bfloat16, .float16: 2
    case .float32: 4
    case .float64: 8
    }
  }

  /// The type that steps on parameters of this type compute in and store their state in: `float64` for
  /// `float64`, `float32` for every other type.
  public var arithmeticType: ScalarType {
    self == .float64 ? .float64 : .float32
  }
}

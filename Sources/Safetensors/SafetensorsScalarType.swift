import ScalarTypes

/// The type of a tensor's elements in a safetensors file. The raw value is the format's name for it.
///
/// The cases are in the order of the Python package, from loosely to strictly aligned.
/// ``SafetensorsOrder/byAlignment`` sorts by this order.
public enum SafetensorsScalarType: String, Sendable, Hashable, Codable, CaseIterable,
  CustomStringConvertible
{
  /// One byte, 0 or 1.
  case bool = "BOOL"
  /// Microscaling format with 2 exponent bits and 1 significand bit: two elements per byte.
  case float4 = "F4"
  /// Microscaling format with 2 exponent bits and 3 significand bits: four elements in three bytes.
  case float6E2M3 = "F6_E2M3"
  /// Microscaling format with 3 exponent bits and 2 significand bits: four elements in three bytes.
  case float6E3M2 = "F6_E3M2"
  /// Unsigned integer of 8 bits.
  case uint8 = "U8"
  /// Signed integer of 8 bits.
  case int8 = "I8"
  /// 5 exponent bits, 2 significand bits.
  case float8E5M2 = "F8_E5M2"
  /// 4 exponent bits, 3 significand bits; finite, with one NaN of each sign.
  case float8E4M3 = "F8_E4M3"
  /// 8 exponent bits and nothing else: the scale of a microscaling block.
  case float8E8M0 = "F8_E8M0"
  /// 4 exponent bits, 3 significand bits; finite, without a negative zero, one NaN.
  case float8E4M3FNUZ = "F8_E4M3FNUZ"
  /// 5 exponent bits, 2 significand bits; finite, without a negative zero, one NaN.
  case float8E5M2FNUZ = "F8_E5M2FNUZ"
  /// Signed integer of 16 bits.
  case int16 = "I16"
  /// Unsigned integer of 16 bits.
  case uint16 = "U16"
  /// IEEE 754 binary16.
  case float16 = "F16"
  /// The upper half of a binary32.
  case bfloat16 = "BF16"
  /// Signed integer of 32 bits.
  case int32 = "I32"
  /// Unsigned integer of 32 bits.
  case uint32 = "U32"
  /// IEEE 754 binary32.
  case float32 = "F32"
  /// Complex number of two binary32, the real part first.
  case complex64 = "C64"
  /// IEEE 754 binary64.
  case float64 = "F64"
  /// Signed integer of 64 bits.
  case int64 = "I64"
  /// Unsigned integer of 64 bits.
  case uint64 = "U64"

  /// The number of bits per element.
  public var bitCount: Int {
    switch self {
    case .float4: 4
    case .float6E2M3, .float6E3M2: 6
    case .bool, .uint8, .int8, .float8E5M2, .float8E4M3, .float8E8M0, .float8E4M3FNUZ, .float8E5M2FNUZ: 8
    case .int16, .uint16, .float16, .bfloat16: 16
    case .int32, .uint32, .float32: 32
    case .complex64, .float64, .int64, .uint64: 64
    }
  }

  /// Creates the format's type for elements of a tensor.
  public init(_ scalarType: ScalarType) {
    self =
      switch scalarType {
      case .bfloat16: .bfloat16
      case .float16: .float16
      case .float32: .float32
      case .float64: .float64
      }
  }

  /// The tensor's type for elements of this type, or `nil` if tensors cannot store it.
  public var scalarType: ScalarType? { ScalarType.allCases.first { Self($0) == self } }

  /// The format's name.
  public var description: String { rawValue }
}

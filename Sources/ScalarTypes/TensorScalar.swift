/// A Swift type that tensors can store.
public protocol TensorScalar: BitwiseCopyable, Sendable, Equatable {
  /// The name of this type at run time.
  static var scalarType: ScalarType { get }

  /// Creates `value` rounded to this type, to nearest, ties to even.
  init(_ value: Double)

  /// Creates `value` rounded to this type, to nearest, ties to even.
  init(_ value: Float)

  /// The exact value.
  var doubleValue: Double { get }

  /// The value as `Float`, which is exact for every type except `Double`, which is rounded to nearest.
  var floatValue: Float { get }
}

extension Float: TensorScalar {
  /// The scalar type `.float32`.
  public static var scalarType: ScalarType { .float32 }
  /// The exact value.
  public var doubleValue: Double { Double(self) }
  /// The value itself.
  public var floatValue: Float { self }
}

extension Double: TensorScalar {
  /// The scalar type `.float64`.
  public static var scalarType: ScalarType { .float64 }
  /// The exact value.
  public var doubleValue: Double { self }
  /// The value rounded to nearest.
  public var floatValue: Float { Float(self) }
}

#if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
  extension Float16: TensorScalar {
    /// The scalar type `.float16`.
    public static var scalarType: ScalarType { .float16 }
    /// The exact value.
    public var doubleValue: Double { Double(self) }
    /// The exact value.
    public var floatValue: Float { Float(self) }
  }
#endif

extension BFloat16: TensorScalar {
  /// The scalar type `.bfloat16`.
  public static var scalarType: ScalarType { .bfloat16 }
}

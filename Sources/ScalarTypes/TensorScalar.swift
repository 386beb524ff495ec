/// A Swift type that tensors can store.
public protocol TensorScalar: BitwiseCopyable, Sendable, Equatable {
  /// This type's name at run time.
  static var scalarType: ScalarType { get }

  /// The value rounded to this type, to nearest, ties to even.
  init(_ value: Double)

  /// The value rounded to this type, to nearest, ties to even.
  init(_ value: Float)

  /// The exact value.
  var doubleValue: Double { get }

  /// The value as `Float`: exact for every type but `Double`, which is rounded to nearest.
  var floatValue: Float { get }
}

extension Float: TensorScalar {
  /// `.float32`.
  public static var scalarType: ScalarType { .float32 }
  /// The exact value.
  public var doubleValue: Double { Double(self) }
  /// The value, rounded to nearest where it is a `Double`.
  public var floatValue: Float { self }
}

extension Double: TensorScalar {
  /// `.float64`.
  public static var scalarType: ScalarType { .float64 }
  /// The exact value.
  public var doubleValue: Double { self }
  /// The value, rounded to nearest where it is a `Double`.
  public var floatValue: Float { Float(self) }
}

#if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
  extension Float16: TensorScalar {
    /// `.float16`.
    public static var scalarType: ScalarType { .float16 }
    /// The exact value.
    public var doubleValue: Double { Double(self) }
    /// The value, rounded to nearest where it is a `Double`.
    public var floatValue: Float { Float(self) }
  }
#endif

extension BFloat16: TensorScalar {
  /// `.bfloat16`.
  public static var scalarType: ScalarType { .bfloat16 }
}

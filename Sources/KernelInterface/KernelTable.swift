/// All kernels of one backend: what every computation of this package is made of.
///
/// The Swift kernels fill a table. Another backend takes that table and replaces the entries that it has something
/// better for (``KernelOverride``), so that an entry always is the function that runs, and nothing forwards. A table
/// holds one compiled copy of each kernel for concrete types: a generic call across modules would run unspecialized,
/// some hundred times slower.
///
/// Every kernel gives the same bits for the same input, on whichever thread it runs.
package final class KernelTable: Sendable {
  /// Linear algebra on `Float`.
  package let float32: LinearAlgebraKernels<Float>
  /// Linear algebra on `Double`.
  package let float64: LinearAlgebraKernels<Double>
  /// Adafactor for each type of parameter and gradient.
  package let adafactor: PerTypePair<AdafactorKernels>
  /// AdamW for each type of parameter and gradient.
  package let adamW: PerTypePair<AdamWKernels>
  /// Conversion between the scalar types.
  package let conversion: ConversionKernels

  /// A table of these kernels.
  package init(
    float32: LinearAlgebraKernels<Float>, float64: LinearAlgebraKernels<Double>,
    adafactor: PerTypePair<AdafactorKernels>, adamW: PerTypePair<AdamWKernels>, conversion: ConversionKernels
  ) {
    self.float32 = float32
    self.float64 = float64
    self.adafactor = adafactor
    self.adamW = adamW
    self.conversion = conversion
  }
}

/// One entry of a table that a backend replaces.
///
/// A backend's overrides are a list. The list makes its table, and tests iterate over it: each kernel is tested once
/// for every backend that has one of its own.
package struct KernelOverride<Kernels>: @unchecked Sendable {
  /// The entry that is replaced.
  package let entry: PartialKeyPath<Kernels>
  private let replace: (inout Kernels) -> Void

  /// Puts `kernel` in the place of `entry`.
  package init<Kernel: Sendable>(_ entry: WritableKeyPath<Kernels, Kernel>, _ kernel: Kernel) {
    self.entry = entry
    replace = { $0[keyPath: entry] = kernel }
  }

  /// Replaces the entry in `kernels`.
  package func callAsFunction(_ kernels: inout Kernels) { replace(&kernels) }
}

/// One value for every pair of a parameter's and a gradient's type.
package struct PerTypePair<Value: Sendable>: Sendable {
  /// By the parameter's type and then the gradient's; nil where the platform lacks one of them.
  private let values: [Value?]

  /// The values that `make` gives for each pair of types.
  package init(_ make: (_ parameter: ScalarType, _ gradient: ScalarType) -> Value?) {
    values = ScalarType.allCases.flatMap { parameter in
      ScalarType.allCases.map { gradient in make(parameter, gradient) }
    }
  }

  /// The value for parameters and gradients of these types.
  package subscript(parameter: ScalarType, gradient: ScalarType) -> Value {
    guard let value = values[Self.index(parameter) * ScalarType.allCases.count + Self.index(gradient)] else {
      preconditionFailure(
        "This platform has no kernels for a parameter of \(parameter) and a gradient of \(gradient).")
    }
    return value
  }

  private static func index(_ type: ScalarType) -> Int { ScalarType.allCases.firstIndex(of: type)! }
}

/// Bounds within which kernels keep their accuracy.
package enum KernelLimits {
  /// The most rows that one column sum in the arithmetic type takes before it continues in Double.
  @inlinable @inline(__always)
  package static var rowsPerColumnSum: Int { 64 }
  /// The most elements that one sum in the arithmetic type takes before it continues in Double.
  @inlinable @inline(__always)
  package static var elementsPerSum: Int { 512 }
  /// The most elements that a small matrix has: eight of them stay in the first-level cache.
  @inlinable @inline(__always)
  package static var smallMatrixElements: Int { 128 }
}

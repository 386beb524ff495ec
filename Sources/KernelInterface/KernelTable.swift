/// All kernels of one backend.
///
/// The Swift kernels fill a table. Another backend takes that table and replaces entries with faster kernels
/// (``KernelOverride``). An entry is therefore always the function that runs, without forwarding. A table
/// holds one compiled copy of each kernel for concrete types: a generic call across modules would run
/// unspecialized, some hundred times slower.
///
/// Every kernel gives the same bits for the same input, on every thread.
package final class KernelTable: Sendable {
  /// Linear algebra on `Float`.
  package let float32: LinearAlgebraKernels<Float>
  /// Linear algebra on `Double`.
  package let float64: LinearAlgebraKernels<Double>
  /// Factorizations of matrices of `Float`.
  package let factorizations32: FactorizationKernels<Float>
  /// Factorizations of matrices of `Double`.
  package let factorizations64: FactorizationKernels<Double>
  /// Adafactor for each type of parameter and gradient.
  package let adafactor: PerTypePair<AdafactorKernels>
  /// Adafactor with statistics in Double, for tensors whose squares exceed the range of the arithmetic type.
  /// No backend replaces these.
  package let exactAdafactor: PerTypePair<AdafactorKernels>
  /// AdamW for each type of parameter and gradient.
  package let adamW: PerTypePair<AdamWKernels>
  /// Conversion between the scalar types.
  package let conversion: ConversionKernels
  /// Returns the current number of threads of a matrix product.
  package let productThreads: @Sendable () -> Int

  /// Creates a table of these kernels.
  package init(
    float32: LinearAlgebraKernels<Float>, float64: LinearAlgebraKernels<Double>,
    factorizations32: FactorizationKernels<Float>, factorizations64: FactorizationKernels<Double>,
    adafactor: PerTypePair<AdafactorKernels>, exactAdafactor: PerTypePair<AdafactorKernels>,
    adamW: PerTypePair<AdamWKernels>, conversion: ConversionKernels,
    productThreads: @escaping @Sendable () -> Int = { 1 }
  ) {
    self.float32 = float32
    self.float64 = float64
    self.factorizations32 = factorizations32
    self.factorizations64 = factorizations64
    self.adafactor = adafactor
    self.exactAdafactor = exactAdafactor
    self.adamW = adamW
    self.conversion = conversion
    self.productThreads = productThreads
  }
}

/// An entry of a table that a backend replaces.
///
/// A backend's overrides are a list. The backend's table is made from the list, and tests iterate over it:
/// each kernel is tested once for every backend that has its own version.
package struct KernelOverride<Kernels>: @unchecked Sendable {
  /// The replaced entry.
  package let entry: PartialKeyPath<Kernels>
  private let replace: (inout Kernels) -> Void

  /// Creates an override of `entry` with `kernel`.
  package init<Kernel: Sendable>(_ entry: WritableKeyPath<Kernels, Kernel>, _ kernel: Kernel) {
    self.entry = entry
    replace = { $0[keyPath: entry] = kernel }
  }

  /// Replaces the entry in `kernels`.
  package func callAsFunction(_ kernels: inout Kernels) { replace(&kernels) }
}

/// One value for every pair of a parameter's and a gradient's type.
package struct PerTypePair<Value: Sendable>: Sendable {
  /// The values by the parameter's type and then the gradient's. `nil` if the platform lacks one of the
  /// types.
  private let values: [Value?]

  /// Creates the values by calling `make` for each pair of types.
  package init(_ make: (_ parameter: ScalarType, _ gradient: ScalarType) -> Value?) {
    values = ScalarType.allCases.flatMap { parameter in
      ScalarType.allCases.map { gradient in make(parameter, gradient) }
    }
  }

  /// The value for parameters and gradients of these types.
  package subscript(parameter: ScalarType, gradient: ScalarType) -> Value {
    guard let value = values[Self.index(parameter) * ScalarType.allCases.count + Self.index(gradient)] else {
      fatalError(
        "This platform has no kernels for a parameter of \(parameter) and a gradient of \(gradient).")
    }
    return value
  }

  private static func index(_ type: ScalarType) -> Int { ScalarType.allCases.firstIndex(of: type)! }
}

/// Bounds within which kernels keep their accuracy.
package enum KernelLimits {
  /// The maximum number of rows of a column sum in the arithmetic type, before it continues in Double.
  @inlinable @inline(__always)
  package static var rowsPerColumnSum: Int { 64 }
  /// The maximum number of elements of a sum in the arithmetic type, before it continues in Double.
  @inlinable @inline(__always)
  package static var elementsPerSum: Int { 512 }
  /// The maximum number of elements of a small matrix: eight of them stay in the first-level cache.
  @inlinable @inline(__always)
  package static var smallMatrixElements: Int { 128 }
}

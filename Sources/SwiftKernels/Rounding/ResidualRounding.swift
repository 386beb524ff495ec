import KernelInterface

/// Compensated rounding: rounds to nearest and keeps the rounding error for the next update (Kahan
/// summation).
///
/// The residual has 16 bits too. Together, value and residual hold 16 significant bits for BFloat16 and 22
/// for Float16.
enum ResidualRounding {
  /// tile ← tile + residual.
  static func addBack(_ residual: MutableElements, count: Int, to tile: UnsafeMutablePointer<Float>) {
    switch residual.type {
    case .bfloat16: addBack(residual.address, BFloat16.self, count, tile)
    case .float16:
      #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
        addBack(residual.address, Float16.self, count, tile)
      #else
        fatalError("this platform has no Float16")
      #endif
    default: fatalError("a residual has 16 bits, not the type \(residual.type)")
    }
  }

  /// parameter ← tile, rounded to nearest; residual ← tile − parameter, rounded to nearest.
  static func store(
    _ tile: UnsafePointer<Float>, count: Int, into parameter: MutableElements, residual: MutableElements
  ) {
    guard residual.type == parameter.type else {
      fatalError("a residual of \(residual.type) for a parameter of \(parameter.type)")
    }
    switch parameter.type {
    case .bfloat16: store(tile, count, parameter.address, BFloat16.self, residual.address)
    case .float16:
      #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
        store(tile, count, parameter.address, Float16.self, residual.address)
      #else
        fatalError("this platform has no Float16")
      #endif
    default: fatalError("rounding into \(parameter.type), which does not have 16 bits")
    }
  }

  private static func addBack<P: TensorScalar>(
    _ residual: UnsafeRawPointer, _: P.Type, _ count: Int, _ tile: UnsafeMutablePointer<Float>
  ) {
    let unit = Float(ParameterRounding.residualUnit(of: P.scalarType))
    @inline(__always) func add(_ offset: Int, _ valid: Int) {
      let lost = unit * P.load(residual, offset, valid, as: Float.self)
      _ = Float.store(Float.load(tile, offset, valid, as: Float.self) + lost, tile, offset, valid)
    }
    forEachVector(count, add)
  }

  private static func store<P: TensorScalar>(
    _ tile: UnsafePointer<Float>, _ count: Int, _ parameter: UnsafeMutableRawPointer, _: P.Type,
    _ residual: UnsafeMutableRawPointer
  ) {
    let perUnit = Float(1 / ParameterRounding.residualUnit(of: P.scalarType))
    @inline(__always) func store(_ offset: Int, _ valid: Int) {
      let value = Float.load(tile, offset, valid, as: Float.self)
      // The difference is exact, because it has no more bits than the value.
      let lost = value - P.store(value, parameter, offset, valid)
      // If the stored value is infinite or NaN, the difference is infinite or NaN too, and nothing can be
      // added back.
      let isFinite = (lost - lost) .== 0
      _ = P.store(SIMD8<Float>().replacing(with: perUnit * lost, where: isFinite), residual, offset, valid)
    }
    forEachVector(count, store)
  }
}

/// Converts elements between the scalar types and the types that computations use.
package struct ConversionKernels: Sendable {
  /// values ← elements, rounded to nearest if they are Float64, exactly otherwise.
  package var readFloat: @Sendable (_ elements: Elements, _ count: Int, UnsafeMutablePointer<Float>) -> Void
  /// values ← elements, exactly.
  package var readDouble: @Sendable (_ elements: Elements, _ count: Int, UnsafeMutablePointer<Double>) -> Void
  /// elements ← values, rounded to nearest once.
  package var writeFloat: @Sendable (_ values: UnsafePointer<Float>, _ count: Int, MutableElements) -> Void
  /// elements ← values, rounded to nearest once.
  package var writeDouble: @Sendable (_ values: UnsafePointer<Double>, _ count: Int, MutableElements) -> Void
  /// values ← elements of a 16-bit parameter, plus its residual.
  package var unround:
    @Sendable (_ elements: Elements, ParameterRounding, _ count: Int, UnsafeMutablePointer<Float>) -> Void
  /// elements of a 16-bit parameter ← values, rounded as requested. The residual receives the rounding error.
  package var round:
    @Sendable (_ values: UnsafePointer<Float>, ParameterRounding, _ count: Int, MutableElements) -> Void

  /// Creates a table of these entries, in the order of their declarations.
  package init(
    readFloat: @escaping @Sendable (Elements, Int, UnsafeMutablePointer<Float>) -> Void,
    readDouble: @escaping @Sendable (Elements, Int, UnsafeMutablePointer<Double>) -> Void,
    writeFloat: @escaping @Sendable (UnsafePointer<Float>, Int, MutableElements) -> Void,
    writeDouble: @escaping @Sendable (UnsafePointer<Double>, Int, MutableElements) -> Void,
    unround: @escaping @Sendable (Elements, ParameterRounding, Int, UnsafeMutablePointer<Float>) -> Void,
    round: @escaping @Sendable (UnsafePointer<Float>, ParameterRounding, Int, MutableElements) -> Void
  ) {
    self.readFloat = readFloat
    self.readDouble = readDouble
    self.writeFloat = writeFloat
    self.writeDouble = writeDouble
    self.unround = unround
    self.round = round
  }
}

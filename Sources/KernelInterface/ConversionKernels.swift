/// Conversion of elements between the scalar types and the types that are computed in.
package struct ConversionKernels: Sendable {
  /// values ← elements, rounded to nearest if they are Float64, exactly otherwise.
  package var readFloat: @Sendable (_ elements: Elements, _ count: Int, UnsafeMutablePointer<Float>) -> Void
  /// values ← elements, exactly.
  package var readDouble: @Sendable (_ elements: Elements, _ count: Int, UnsafeMutablePointer<Double>) -> Void
  /// elements ← values, rounded to nearest once.
  package var writeFloat: @Sendable (_ values: UnsafePointer<Float>, _ count: Int, MutableElements) -> Void
  /// elements ← values, rounded to nearest once.
  package var writeDouble: @Sendable (_ values: UnsafePointer<Double>, _ count: Int, MutableElements) -> Void
  /// values ← elements of a 16-bit parameter, with its residual added back.
  package var unround:
    @Sendable (_ elements: Elements, ParameterRounding, _ count: Int, UnsafeMutablePointer<Float>) -> Void
  /// elements of a 16-bit parameter ← values, rounded as asked; the residual takes what that lost.
  package var round:
    @Sendable (_ values: UnsafePointer<Float>, ParameterRounding, _ count: Int, MutableElements) -> Void

  /// The entries, in the order of their declarations.
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

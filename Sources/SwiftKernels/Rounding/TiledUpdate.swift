import KernelInterface

/// An update of a 16-bit parameter with another rounding than to nearest: piece by piece in Float, then
/// rounded.
///
/// Each tile converts a few elements to Float, lets the kernel for Float parameters update them, and rounds
/// the result. The tile stays in the first-level cache. The kernels themselves support only rounding to
/// nearest. With all three roundings in the vector loop of each kernel, for every type of gradient, there
/// would be three times as much code to compile, and the common rounding would be slower.
///
/// This is a class, which is passed by reference, because copying a structure is a function that the AVX2
/// copy would share with other modules.
final class TiledUpdate<P: TensorScalar> {
  private let parameter: MutableElements
  private let change: ParameterChange

  /// The number of elements of a tile: 8 KiB, which leaves room for the same elements of gradient and
  /// moments.
  private static var length: Int { 2048 }

  /// Creates the update, or returns `nil` if the kernels themselves round as the change says: to nearest, or
  /// not at all.
  @inline(__always)
  init?(_ parameter: MutableElements, _ change: ParameterChange) {
    guard MemoryLayout<P>.size == 2 else { return nil }
    if case .nearest = change.rounding { return nil }
    self.parameter = parameter
    self.change = change
  }

  // MARK: The kernels

  /// Like ``AdafactorKernels/updateFactored``.
  func updateFactored(_ gradient: GradientPiece, rowFactors: Elements, columnFactors: Elements) -> Double {
    let kernels = swiftKernels.adafactor[.float32, gradient.elements.type]
    forEachTile(of: gradient) { tile, piece, row, column, change in
      _ = kernels.updateFactored(
        tile, piece, rowFactors.advanced(by: row), columnFactors.advanced(by: column), change)
    }
    return squares(rows: gradient.rows, columns: gradient.columns, stride: gradient.stride)
  }

  /// Like ``AdafactorKernels/updateElements``.
  func updateElements(
    _ gradient: GradientPiece, average: MomentAverage, moments: MutableElements, factor: Double
  ) -> Double {
    let kernels = swiftKernels.adafactor[.float32, gradient.elements.type]
    forEachTile(of: gradient) { tile, piece, _, start, change in
      _ = kernels.updateElements(tile, piece, average, moments.advanced(by: start), factor, change)
    }
    return squares(rows: gradient.rows, columns: gradient.columns, stride: gradient.stride)
  }

  /// Like ``AdamWKernels/update``.
  func updateAdamW(_ gradient: GradientPiece, moments: AdamWMoments, factors: AdamWFactors) -> Bool {
    let kernels = swiftKernels.adamW[.float32, gradient.elements.type]
    var isFinite = true
    forEachTile(of: gradient) { tile, piece, _, start, change in
      if !kernels.update(tile, piece, moments.advanced(by: start), factors, change) { isFinite = false }
    }
    // A finite number in a tile can exceed the range of 16 bits.
    let squares = squares(rows: 1, columns: gradient.columns, stride: gradient.columns)
    return isFinite && (squares.isFinite || !parameter.reading.holdInfinity(gradient.columns))
  }

  /// Like ``AdafactorKernels/updateSmallMatrices``.
  func updateSmallMatrices(
    _ batch: MatrixBatch, rowMoments: MutableElements, columnMoments: MutableElements, factor: Double
  ) -> Double {
    let kernels = swiftKernels.adafactor[.float32, batch.gradient.type]
    // Whole groups of the matrices that are processed at once.
    let matrices = max(1, Self.length / max(1, batch.elements) / laneCount) * laneCount
    withTile(of: matrices * batch.elements) { tile in
      for first in stride(from: 0, to: batch.count, by: matrices) {
        let start = first * batch.elements
        var part = batch
        part.count = min(matrices, batch.count - first)
        part.gradient = batch.gradient.advanced(by: start)
        update(tile, at: start, count: part.count * batch.elements) { tile, change in
          _ = kernels.updateSmallMatrices(
            tile, part, rowMoments.advanced(by: first * batch.rows),
            columnMoments.advanced(by: first * batch.columns), factor, change)
        }
      }
    }
    let count = batch.count * batch.elements
    return squares(rows: 1, columns: count, stride: count)
  }

  // MARK: Tiles

  /// Calls `body` for each tile with its piece of the gradient and the index of its first element.
  private func forEachTile(
    of gradient: GradientPiece,
    _ body: (MutableElements, GradientPiece, _ row: Int, _ column: Int, ParameterChange) -> Void
  ) {
    guard gradient.rows > 0, gradient.columns > 0 else { return }
    // Rows with gaps are processed one by one, because the elements in the gaps belong to other pieces.
    let isContiguous = gradient.rows == 1 || gradient.stride == gradient.columns
    let rows = isContiguous ? max(1, Self.length / gradient.columns) : 1
    withTile(of: Self.length) { tile in
      for row in stride(from: 0, to: gradient.rows, by: rows) {
        for column in stride(from: 0, to: gradient.columns, by: Self.length) {
          let start = row * gradient.stride + column
          var piece = gradient
          piece.elements = gradient.elements.advanced(by: start)
          piece.rows = min(rows, gradient.rows - row)
          piece.columns = min(Self.length, gradient.columns - column)
          update(tile, at: start, count: piece.rows * piece.columns) { tile, change in
            body(tile, piece, row, column, change)
          }
        }
      }
    }
  }

  private func withTile(of count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { body($0.baseAddress!) }
  }

  /// Updates `count` elements from index `start`: `body` computes their new values in Float.
  private func update(
    _ tile: UnsafeMutablePointer<Float>, at start: Int, count: Int,
    _ body: (MutableElements, ParameterChange) -> Void
  ) {
    let elements = parameter.advanced(by: start)
    let change = change.advanced(by: start)
    let kernels = swiftKernels.conversion
    kernels.unround(elements.reading, change.rounding, count, tile)
    // The rounding of the change is for 16 bits and does not affect Float.
    body(MutableElements(tile, .float32), change)
    kernels.round(tile, change.rounding, count, elements)
  }

  /// Returns Σ p² of the stored values, in the order of the kernels.
  private func squares(rows: Int, columns: Int, stride: Int) -> Double {
    SumOfSquares<P, Float>.sum(parameter.reading, rows: rows, columns: columns, stride: stride)
  }
}

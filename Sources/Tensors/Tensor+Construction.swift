extension Tensor {
  /// Zeros.
  public init(zeros shape: Shape, as scalarType: ScalarType = .float32) {
    self.init(uninitialized: shape, as: scalarType)
    // All bits 0 is the zero of every scalar type.
    withUnsafeMutableBytes { _ = $0.initializeMemory(as: UInt8.self, repeating: 0) }
  }

  /// Ones.
  public init(ones shape: Shape, as scalarType: ScalarType = .float32) {
    self.init(repeating: 1, shape: shape, as: scalarType)
  }

  /// `value`, rounded to the scalar type, everywhere.
  public init(repeating value: Double, shape: Shape, as scalarType: ScalarType = .float32) {
    self.init(uninitialized: shape, as: scalarType)
    fill { _, block in block.update(repeating: value) }
  }

  /// A Float32 vector of these elements.
  public init(_ elements: [Float]) {
    self.init(elements, shape: [elements.count])
  }

  /// A Float32 matrix of these rows.
  ///
  /// - Precondition: all rows are equally long.
  public init(_ rows: [[Float]]) {
    let columns = rows.first?.count ?? 0
    for (i, row) in rows.enumerated() {
      guard row.count == columns else {
        fatalError("Row \(i) has \(row.count) elements, row 0 has \(columns): a matrix needs equal rows.")
      }
    }
    self.init(Array(rows.joined()), shape: [rows.count, columns])
  }

  /// A Float32 tensor of these elements in row-major order.
  ///
  /// - Precondition: there are as many as the shape holds.
  public init(_ elements: [Float], shape: Shape) {
    self.init(scalars: elements, shape: shape)
  }

  /// A tensor of these elements in row-major order, of their type.
  ///
  /// - Precondition: there are as many as the shape holds. Where data decide, use ``init(validating:shape:)``.
  public init<Scalar: TensorScalar>(scalars: [Scalar], shape: Shape) {
    guard scalars.count == shape.elementCount else {
      fatalError(TensorError.elementCount(scalars.count, shape: shape).description)
    }
    self.init(uninitialized: shape, as: Scalar.scalarType)
    scalars.withUnsafeBytes { source in
      withUnsafeMutableBytes { $0.copyMemory(from: source) }
    }
  }

  /// A tensor of these elements in row-major order, of their type; an error where they do not fill the shape.
  public init<Scalar: TensorScalar>(validating scalars: [Scalar], shape: Shape) throws(TensorError) {
    guard scalars.count == shape.elementCount else { throw .elementCount(scalars.count, shape: shape) }
    self.init(scalars: scalars, shape: shape)
  }

  /// `element(i)` at place i in row-major order, rounded to the scalar type.
  public init(shape: Shape, as scalarType: ScalarType = .float32, _ element: (Int) -> Double) {
    self.init(uninitialized: shape, as: scalarType)
    fill { start, block in
      for i in block.indices { block[i] = element(start + i) }
    }
  }

  // MARK: Random elements

  /// Normally distributed elements, independent of each other.
  ///
  /// With a ``SeededGenerator`` the same seed gives the same tensor.
  public init(
    normal shape: Shape, mean: Double = 0, standardDeviation: Double = 1,
    as scalarType: ScalarType = .float32,
    using generator: inout some RandomNumberGenerator
  ) {
    self.init(shape: shape, as: scalarType) { _ in
      mean + standardDeviation * generator.nextNormal()
    }
  }

  /// Elements uniformly distributed between `lowerBound` and `upperBound`, independent of each other.
  ///
  /// With a ``SeededGenerator`` the same seed gives the same tensor.
  public init(
    uniform shape: Shape, from lowerBound: Double = 0, to upperBound: Double = 1,
    as scalarType: ScalarType = .float32, using generator: inout some RandomNumberGenerator
  ) {
    self.init(shape: shape, as: scalarType) { _ in
      lowerBound + (upperBound - lowerBound) * generator.nextUniform()
    }
  }
}

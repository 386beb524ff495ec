extension Tensor {
  /// Creates a tensor of zeros.
  public init(zeros shape: Shape, as scalarType: ScalarType = .float32) {
    self.init(uninitialized: shape, as: scalarType)
    // In every scalar type, the bits of zero are all 0.
    withUnsafeMutableBytes { _ = $0.initializeMemory(as: UInt8.self, repeating: 0) }
  }

  /// Creates a tensor of ones.
  public init(ones shape: Shape, as scalarType: ScalarType = .float32) {
    self.init(repeating: 1, shape: shape, as: scalarType)
  }

  /// Creates a tensor with `value`, rounded to the scalar type, in every element.
  public init(repeating value: Double, shape: Shape, as scalarType: ScalarType = .float32) {
    self.init(uninitialized: shape, as: scalarType)
    fill { _, block in block.update(repeating: value) }
  }

  /// Creates a Float32 vector of these elements.
  public init(_ elements: [Float]) {
    self.init(elements, shape: [elements.count])
  }

  /// Creates a Float32 matrix of these rows.
  ///
  /// - Precondition: All rows have the same length.
  public init(_ rows: [[Float]]) {
    let columns = rows.first?.count ?? 0
    for (i, row) in rows.enumerated() {
      guard row.count == columns else {
        fatalError(
          "Row \(i) has \(row.count) elements, but row 0 has \(columns): the rows of a matrix must "
            + "have the same length.")
      }
    }
    self.init(Array(rows.joined()), shape: [rows.count, columns])
  }

  /// Creates a Float32 tensor of these elements in row-major order.
  ///
  /// - Precondition: The number of elements matches the shape.
  public init(_ elements: [Float], shape: Shape) {
    self.init(scalars: elements, shape: shape)
  }

  /// Creates a tensor of these elements in row-major order, with their type.
  ///
  /// - Precondition: The number of elements matches the shape. If data determine it, use
  ///   ``init(validating:shape:)``.
  public init<Scalar: TensorScalar>(scalars: [Scalar], shape: Shape) {
    guard scalars.count == shape.elementCount else {
      fatalError(TensorError.elementCount(scalars.count, shape: shape).description)
    }
    self.init(uninitialized: shape, as: Scalar.scalarType)
    scalars.withUnsafeBytes { source in
      withUnsafeMutableBytes { $0.copyMemory(from: source) }
    }
  }

  /// Creates a tensor of these elements in row-major order, with their type, or throws if they do not fill
  /// the shape.
  public init<Scalar: TensorScalar>(validating scalars: [Scalar], shape: Shape) throws(TensorError) {
    guard scalars.count == shape.elementCount else { throw .elementCount(scalars.count, shape: shape) }
    self.init(scalars: scalars, shape: shape)
  }

  /// Creates a tensor with `element(i)`, rounded to the scalar type, as element i in row-major order.
  public init(shape: Shape, as scalarType: ScalarType = .float32, _ element: (Int) -> Double) {
    self.init(uninitialized: shape, as: scalarType)
    fill { start, block in
      for i in block.indices { block[i] = element(start + i) }
    }
  }

  // MARK: Random elements

  /// Creates a tensor of independent, normally distributed elements.
  ///
  /// With a ``SeededGenerator``, the same seed gives the same tensor.
  public init(
    normal shape: Shape, mean: Double = 0, standardDeviation: Double = 1,
    as scalarType: ScalarType = .float32,
    using generator: inout some RandomNumberGenerator
  ) {
    self.init(shape: shape, as: scalarType) { _ in
      mean + standardDeviation * generator.nextNormal()
    }
  }

  /// Creates a tensor of independent elements that are uniformly distributed between `lowerBound` and
  /// `upperBound`.
  ///
  /// With a ``SeededGenerator``, the same seed gives the same tensor.
  public init(
    uniform shape: Shape, from lowerBound: Double = 0, to upperBound: Double = 1,
    as scalarType: ScalarType = .float32, using generator: inout some RandomNumberGenerator
  ) {
    self.init(shape: shape, as: scalarType) { _ in
      lowerBound + (upperBound - lowerBound) * generator.nextUniform()
    }
  }
}

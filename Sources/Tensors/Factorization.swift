import KernelInterface

/// A factorization of a matrix, for any precision.
enum Factorization: String {
  case eigh, qr, svd, cholesky
  /// The orthogonal factor Q of `qr`.
  case orthogonalFactor = "qr, the orthogonal factor"

  /// Factors `rows` × `columns` elements into these outputs, and returns the problem with the matrix, if any.
  func callAsFunction<Scalar: ArithmeticScalar>(
    _ kernels: FactorizationKernels<Scalar>, _ a: UnsafePointer<Scalar>, _ shape: Shape,
    _ outputs: [UnsafeMutablePointer<Scalar>]
  ) -> LinearAlgebraError? {
    let (rows, columns) = (shape[0], shape[1])
    switch self {
    case .eigh:
      if !kernels.eigh(a, rows, outputs[0], outputs[1]) {
        return .notConverged(operation: rawValue, shape: shape)
      }
    case .qr:
      kernels.qr(a, rows, columns, outputs[0], outputs[1])
    case .orthogonalFactor:
      kernels.orthogonalFactor(a, rows, columns, outputs[0])
    case .svd:
      if !kernels.svd(a, rows, columns, outputs[0], outputs[1], outputs[2]) {
        return .notConverged(operation: rawValue, shape: shape)
      }
    case .cholesky:
      if let minor = kernels.cholesky(a, rows, outputs[0]) {
        return .notPositiveDefinite(minor: minor, shape: shape)
      }
    }
    return nil
  }
}

extension Tensor {
  /// Factors this matrix into the outputs of `result`, reusing its tensors if they have the right shapes and
  /// types.
  ///
  /// If an iteration does not converge in `Float`, it is repeated in `Double`.
  func factorize<Result>(
    _ factorization: Factorization, into result: inout Result,
    _ outputs: [(WritableKeyPath<Result, Tensor>, Shape)], on kernels: KernelTable = Backend.default.kernels
  ) throws(LinearAlgebraError) {
    let matrix = inArithmeticType
    try matrix.requireFinite(factorization, kernels)
    func run<Scalar: ArithmeticScalar>(_ type: Scalar.Type, _ matrix: Tensor) -> LinearAlgebraError? {
      let addresses = outputs.map { output, shape in
        if result[keyPath: output].shape != shape || result[keyPath: output].scalarType != type.scalarType {
          result[keyPath: output] = Tensor(uninitialized: shape, as: type.scalarType)
        }
        return result[keyPath: output].mutableMemory().assumingMemoryBound(to: type)
      }
      return matrix.withElements(of: type) { a in
        factorization(type.factorizations(of: kernels), a.baseAddress!, shape, addresses)
      }
    }
    var error = run(matrix.scalarType.arithmeticSwiftType, matrix)
    if case .notConverged = error, matrix.scalarType == .float32 {
      error = run(Double.self, matrix.converted(to: .float64))
    }
    if let error { throw error }
    for (output, _) in outputs where result[keyPath: output].scalarType != scalarType {
      result[keyPath: output] = result[keyPath: output].converted(to: scalarType)
    }
  }

  /// Throws an error for the first element that is NaN or infinite.
  private func requireFinite(_ factorization: Factorization, _ kernels: KernelTable)
    throws(LinearAlgebraError)
  {
    func firstNonFinite<Scalar: ArithmeticScalar>(_ type: Scalar.Type) -> Int? {
      withElements(of: type) { x in
        // Squares may overflow. Only then are the elements checked one by one.
        if type.linearAlgebra(of: kernels).dot(x.baseAddress!, x.baseAddress!, x.count).isFinite {
          return nil
        }
        return x.firstIndex { !$0.isFinite }
      }
    }
    if let index = firstNonFinite(scalarType.arithmeticSwiftType) {
      throw .nonFinite(
        operation: factorization.rawValue, element: element(at: index), row: index / shape[1],
        column: index % shape[1])
    }
  }

  /// Returns the number of rows and columns of a matrix, and traps for other tensors.
  func requireMatrix(_ function: String) -> (rows: Int, columns: Int) {
    guard shape.rank == 2 else { fatalError("\(function) needs a matrix; the shape is \(shape).") }
    return (shape[0], shape[1])
  }

  /// Returns the size of a square matrix, and traps for other tensors.
  func requireSquare(_ function: String) -> Int {
    guard shape.rank == 2, shape[0] == shape[1] else {
      fatalError("\(function) needs a square matrix; the shape is \(shape).")
    }
    return shape[0]
  }
}

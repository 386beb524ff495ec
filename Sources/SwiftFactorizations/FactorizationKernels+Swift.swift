import KernelInterface

extension FactorizationKernels where Scalar == Float {
  /// Returns the factorizations in pure Swift.
  ///
  /// - Parameter kernels: The kernels that do most of the arithmetic: matrix products, dot products and rotations.
  package static func swift(on kernels: LinearAlgebraKernels<Float>) -> Self {
    FactorizationKernels(FactorizationsInSwift(kernels: kernels))
  }
}

extension FactorizationKernels where Scalar == Double {
  /// Returns the factorizations in pure Swift.
  ///
  /// - Parameter kernels: The kernels that do most of the arithmetic: matrix products, dot products and rotations.
  package static func swift(on kernels: LinearAlgebraKernels<Double>) -> Self {
    FactorizationKernels(FactorizationsInSwift(kernels: kernels))
  }
}

extension FactorizationKernels {
  @inline(__always)
  fileprivate init(_ swift: FactorizationsInSwift<Scalar>) {
    self.init(
      eigh: { swift.eigh($0, size: $1, eigenvalues: $2, eigenvectors: $3) },
      qr: { swift.qr($0, rows: $1, columns: $2, q: $3, r: $4) },
      orthogonalFactor: { swift.orthogonalFactor($0, rows: $1, columns: $2, q: $3) },
      svd: { swift.svd($0, rows: $1, columns: $2, u: $3, singularValues: $4, vTransposed: $5) },
      cholesky: { swift.cholesky($0, size: $1, factor: $2) })
  }
}

/// Factorizations in pure Swift, in blocks, so that most operations are matrix products of the kernel table.
///
/// They are compiled once, for any processor. The kernels that they call are compiled for the processor in
/// use.
struct FactorizationsInSwift<Scalar: ArithmeticScalar>: Sendable {
  typealias Memory = UnsafeMutablePointer<Scalar>

  let kernels: LinearAlgebraKernels<Scalar>

  /// The number of columns that are reduced one by one before the rest of the matrix is updated by one
  /// product.
  let panelWidth = 32

  /// Runs `body` with `count` zeros.
  func withZeros<Result>(_ count: Int, _ body: (Memory) -> Result) -> Result {
    let memory = Memory.allocate(capacity: max(1, count))
    memory.initialize(repeating: 0, count: count)
    defer { memory.deallocate() }
    return body(memory)
  }

  /// Returns √Σ x², even if the squares exceed the range of `Scalar` or are subnormal.
  func norm(_ x: UnsafePointer<Scalar>, count: Int) -> Double {
    let sum = kernels.dot(x, x, count)
    let leastExact = Double(count) * Double(Scalar.leastNormalMagnitude / Scalar.ulpOfOne)
    if sum > leastExact, sum.isFinite { return sum.squareRoot() }
    let largest = Double(largestMagnitude(x, count: count))
    if largest == 0 { return 0 }
    var scaled = 0.0
    for i in 0..<count { scaled += (Double(x[i]) / largest) * (Double(x[i]) / largest) }
    return largest * scaled.squareRoot()
  }

  func largestMagnitude(_ x: UnsafePointer<Scalar>, count: Int) -> Scalar {
    var largest: Scalar = 0
    for i in 0..<count { largest = max(largest, x[i].magnitude) }
    return largest
  }

  /// Returns the power of two that scales the largest magnitude to between 1/2 and 1, or 1 if all elements
  /// are 0.
  func scale(of x: UnsafePointer<Scalar>, count: Int) -> (multiply: Scalar, divide: Scalar) {
    let largest = largestMagnitude(x, count: count)
    if largest == 0 { return (1, 1) }
    // Both the power and its inverse are normal numbers.
    let bound = -Scalar.leastNormalMagnitude.exponent
    let power = min(max(largest.exponent + 1, -bound), bound)
    return (
      Scalar(sign: .plus, exponent: -power, significand: 1),
      Scalar(sign: .plus, exponent: power, significand: 1)
    )
  }

  /// target ← sourceᵀ, in squares of 32 × 32 elements.
  func transpose(_ source: UnsafePointer<Scalar>, rows: Int, columns: Int, into target: Memory) {
    let side = 32
    for firstRow in stride(from: 0, to: rows, by: side) {
      for firstColumn in stride(from: 0, to: columns, by: side) {
        for i in firstRow..<min(firstRow + side, rows) {
          for j in firstColumn..<min(firstColumn + side, columns) {
            target[j * rows + i] = source[i * columns + j]
          }
        }
      }
    }
  }
}

import KernelInterface
import Tensors

/// The method that orthogonalizes the update of ``Muon``: X = UΣVᵀ becomes roughly UVᵀ.
public enum MuonOrthogonalization: Sendable, Hashable {
  /// The Newton–Schulz iteration: X ← X / max(‖X‖, ε), then `steps` times X ← aX + (bA + cA²)X with A = XXᵀ.
  ///
  /// ‖X‖ is the Frobenius norm. Each singular value σ becomes aσ + bσ³ + cσ⁵, and the singular vectors don't change. The
  /// steps multiply the smallest singular values by a each time: by 485 in total with torch's coefficients. Rounding
  /// errors of 10⁻⁷ therefore grow to 10⁻⁵ in the directions of these values.
  case newtonSchulz(coefficients: NewtonSchulzCoefficients = .simple, steps: Int = 5, epsilon: Double = 1e-7)

  /// The polar factor UVᵀ = (XXᵀ)^(−½) X, from the eigenvalues of XXᵀ in Float64.
  ///
  /// A singular value counts as zero, and its direction adds nothing, if it is at most max(rows, columns) units in the
  /// last place of the largest singular value, in the type of X. In Float64 the limit is the square root of this ratio,
  /// because XXᵀ squares the values. A matrix that holds NaN or infinity becomes NaN.
  case polar

  /// Orthogonalizes a matrix.
  func apply(to x: inout Tensor) {
    switch self {
    case .newtonSchulz(let coefficients, let steps, let epsilon):
      x.applyNewtonSchulz(coefficients.steps(steps), epsilon: epsilon)
    case .polar:
      x = x.polarFactor()
    }
  }
}

extension Tensor {
  /// Whether there are more rows than columns. If so, products are on the other side, because XᵀX is the smaller matrix.
  /// This avoids a transposition.
  private var isTall: Bool { shape[0] > shape[1] }

  /// ‖X‖, the Frobenius norm, without overflow.
  private var norm: Double { rootMeanSquare() * Double(elementCount).squareRoot() }

  /// Sets X ← X / max(‖X‖, ε), then X ← (aI + bA + cA²) X with A = XXᵀ in each step. If X is tall, each step is
  /// X ← X (aI + bA + cA²) with A = XᵀX.
  fileprivate mutating func applyNewtonSchulz(_ steps: [(a: Double, b: Double, c: Double)], epsilon: Double) {
    let norm = norm
    // Written so that NaN is kept.
    self /= norm < epsilon ? epsilon : norm
    // Memory that all steps reuse.
    let size = min(shape[0], shape[1])
    var gram = Tensor(uninitialized: [size, size], as: scalarType)
    var polynomial = gram
    var next = self
    for (a, b, c) in steps {
      gram.addSymmetricProduct(of: self, transposed: isTall, alpha: 1, beta: 0)
      if c == 0 {
        polynomial = gram * b
      } else {
        polynomial.addSymmetricProduct(of: gram, alpha: c, beta: 0)
        polynomial.add(gram, scaledBy: b)
      }
      polynomial.addToDiagonal(a)
      isTall ? next.formProduct(of: self, polynomial) : next.formProduct(of: polynomial, self)
      swap(&self, &next)
    }
  }

  /// Adds a number to each element of the diagonal.
  private mutating func addToDiagonal(_ number: Double) {
    let size = shape[0]
    func add<Scalar: ArithmeticScalar>(_ type: Scalar.Type) {
      withMutableElements(of: type) { elements in
        for i in 0..<size { elements[i * (size + 1)] += Scalar(number) }
      }
    }
    scalarType == .float64 ? add(Double.self) : add(Float.self)
  }

  /// Returns the polar factor: see ``MuonOrthogonalization/polar``.
  fileprivate func polarFactor() -> Tensor {
    let norm = norm
    if norm == 0 || elementCount == 0 { return self }
    // The square of a Float has no rounding error in Float64, so λ is accurate to 10⁻¹⁶ of the largest.
    let x = converted(to: .float64) / norm
    guard let eigen = try? x.symmetricProduct(transposed: isTall).eigh() else {
      // Not self * .nan: scal of OpenBLAS 0.3.21 treats a factor of NaN as 0.
      return Tensor(repeating: .nan, shape: shape, as: scalarType)
    }
    let values = eigen.values.scalars(as: Double.self)
    let unit = scalarType == .float64 ? Double.ulpOfOne : Double(Float.ulpOfOne)
    let longest = Double(max(shape[0], shape[1]))
    let least = values.last! * max(longest * unit * longest * unit, longest * .ulpOfOne)
    let roots = values.map { $0 > least ? 1 / $0.squareRoot().squareRoot() : 0 }
    // (QD)(QD)ᵀ = Q Λ^(−½) Qᵀ, with D = Λ^(−¼).
    let inverse = (eigen.vectors * Tensor(scalars: roots, shape: [roots.count])).symmetricProduct()
    return (isTall ? x.matmul(inverse) : inverse.matmul(x)).converted(to: scalarType)
  }
}

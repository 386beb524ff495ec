import KernelInterface
import Tensors

/// The method that makes the update of ``Muon`` orthogonal: X = UΣVᵀ becomes about UVᵀ.
public enum MuonOrthogonalization: Sendable, Hashable {
  /// The Newton–Schulz iteration: X ← X / max(‖X‖, ε), then `steps` times X ← aX + (bA + cA²)X with A = XXᵀ.
  ///
  /// The norm is Frobenius's. Each singular value σ becomes aσ + bσ³ + cσ⁵, and the singular vectors stay. The least
  /// singular values are multiplied by a in each step: by 485 with torch's coefficients, so that rounding errors of 10⁻⁷
  /// grow to 10⁻⁵ in their directions.
  case newtonSchulz(coefficients: NewtonSchulzCoefficients = .simple, steps: Int = 5, epsilon: Double = 1e-7)

  /// The polar factor UVᵀ = (XXᵀ)^(−½) X, from the eigenvalues of XXᵀ in Float64.
  ///
  /// Singular values count as zero, and their directions give nothing, up to max(rows, columns) units in the last place of
  /// the largest one, in the type of X; in Float64 up to the root of that, since XXᵀ squares them. A matrix that holds NaN
  /// or infinity becomes NaN.
  case polar

  /// Makes a matrix orthogonal.
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
  /// Whether there are more rows than columns. Products then are taken on the other side: XᵀX is the smaller matrix, and
  /// nothing is transposed.
  private var isTall: Bool { shape[0] > shape[1] }

  /// ‖X‖, the Frobenius norm, without overflow.
  private var norm: Double { rootMeanSquare() * Double(elementCount).squareRoot() }

  /// X ← X / max(‖X‖, ε), then X ← (aI + bA + cA²) X with A = XXᵀ for each step; if X is tall, X ← X (aI + bA + cA²) with
  /// A = XᵀX.
  fileprivate mutating func applyNewtonSchulz(_ steps: [(a: Double, b: Double, c: Double)], epsilon: Double) {
    let norm = norm
    // Written so that a NaN stays.
    self /= norm < epsilon ? epsilon : norm
    // Memory of every step.
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

  /// The polar factor: see ``MuonOrthogonalization/polar``.
  fileprivate func polarFactor() -> Tensor {
    let norm = norm
    if norm == 0 || elementCount == 0 { return self }
    // A square of a Float has no rounding error in Float64, so that λ is exact to 10⁻¹⁶ of the largest.
    let x = converted(to: .float64) / norm
    guard let eigen = try? x.symmetricProduct(transposed: isTall).eigh() else {
      // Not self * .nan: scal of OpenBLAS 0.3.21 takes a factor of NaN for 0.
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

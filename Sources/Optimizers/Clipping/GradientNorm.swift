import KernelInterface
import RealModule
import Tensors

/// A norm over the elements of all gradients, which count as one vector.
public enum GradientNorm: Sendable, Hashable {
  /// √(Σ g²): the default of `clip_grad_norm_`.
  case euclidean
  /// max |g|: torch's `norm_type=inf`.
  case infinity
  /// (Σ |g|ᵖ)^(1/p), for p above 0.
  case p(Double)

  /// Throws an error for an order that defines no norm.
  func validate() throws(GradientClippingError) {
    if case .p(let p) = self, !(p > 0 && p.isFinite) {
      throw .invalidSetting(
        name: "p of the norm", value: p,
        requirement: "it must be above 0 and finite; use .infinity for ∞")
    }
  }

  /// Returns the norm of a vector whose parts have these norms.
  func combine(_ norms: [Double]) -> Double {
    let maximum = norms.reduce(0, largest)
    guard self != .infinity, maximum > 0, maximum.isFinite else { return maximum }
    let sum = norms.reduce(0) { $0 + power($1) }
    if Self.isReliable(sum) { return root(sum) }
    return maximum * root(norms.reduce(0) { $0 + power($1 / maximum) })
  }

  /// Returns xᵖ of a magnitude.
  func power(_ x: Double) -> Double {
    if case .p(let p) = self { Double.pow(x, p) } else { x * x }
  }

  /// Returns the norm for a sum of powers.
  func root(_ sum: Double) -> Double {
    if case .p(let p) = self { Double.pow(sum, 1 / p) } else { sum.squareRoot() }
  }

  /// Whether a sum of powers is within the range of Double, and none of the terms that matter is subnormal.
  static func isReliable(_ sum: Double) -> Bool { sum > 1e-280 && sum < .infinity }
}

extension Parameter {
  /// Returns the norm of the gradient, without its scale, for a sum of powers. If powers left the range of Double, this
  /// reads the gradient again and divides it by its largest element.
  fileprivate func gradientNorm(
    _ norm: GradientNorm, ofSum sum: Double, backend: Backend, threads: Int?
  ) -> Double {
    // Squares of other types are within Double's range, so a sum of 0 is exact.
    let isWide = norm != .euclidean || gradient!.scalarType == .float64
    if !isWide || sum.isNaN || GradientNorm.isReliable(sum) { return norm.root(sum) }
    let one = CollectionOfOne(self)
    let maximum = one.reduceGradients(backend: backend, threads: threads, combining: largest) { tile, count in
      (0..<count).reduce(0) { largest($0, tile[$1].magnitude) }
    }[0]
    guard maximum > 0, maximum.isFinite else { return maximum }
    return maximum
      * norm.root(one.powerSums(norm, dividedBy: maximum, backend: backend, threads: threads)[0])
  }
}

/// Returns the larger of two magnitudes, or NaN if either is NaN, which Swift's `max` may hide.
private func largest(_ x: Double, _ y: Double) -> Double {
  x.isNaN || x > y ? x : y
}

// MARK: Norms of parameters' gradients

extension Collection where Element == Parameter {
  /// Returns the norm of all gradients times their scales, or 0 if no parameter has a gradient. Torch's `get_total_norm`.
  ///
  /// The Euclidean norm reads nothing if a ``GradientAccumulator`` applied the gradients or a ``LossScaler`` checked them.
  /// Otherwise it reads each gradient once. Long sums are in Double: the error is below 2·10⁻⁵ at any size. Torch's float32
  /// norm is too small by 6·10⁻⁴ at 16.8 million elements.
  ///
  /// - Parameters:
  ///   - norm: The kind of norm.
  ///   - backend: The backend.
  ///   - threads: The maximum number of threads; nil for one per processor. It does not change the result.
  /// - Throws: ``GradientClippingError/invalidSetting(name:value:requirement:)`` for an order that defines no norm.
  public func gradientNorm(
    _ norm: GradientNorm = .euclidean, backend: Backend = .default, threads: Int? = nil
  ) throws(GradientClippingError) -> Double {
    try norm.validate()
    return norm.combine(gradientNorms(norm, backend: backend, threads: threads))
  }

  /// Returns the norm of each gradient times its scale, for the parameters that have a gradient.
  func gradientNorms(_ norm: GradientNorm, backend: Backend, threads: Int?) -> [Double] {
    let parameters = filter { $0.gradient != nil }
    let norms: [Double]
    switch norm {
    case .euclidean:
      norms = parameters.gradientSummaries(backend: backend, threads: threads).map(\.squares)
    case .infinity:
      norms = parameters.reduceGradients(backend: backend, threads: threads, combining: largest) {
        tile, count in
        (0..<count).reduce(0) { largest($0, tile[$1].magnitude) }
      }
    case .p:
      norms = parameters.powerSums(norm, dividedBy: 1, backend: backend, threads: threads)
    }
    return zip(parameters, norms).map { parameter, sum in
      let norm =
        norm == .infinity
        ? sum : parameter.gradientNorm(norm, ofSum: sum, backend: backend, threads: threads)
      return parameter.gradientScale.magnitude * norm
    }
  }

  /// Returns Σ |g / divisor|ᵖ of each gradient.
  fileprivate func powerSums(
    _ norm: GradientNorm, dividedBy divisor: Double, backend: Backend, threads: Int?
  ) -> [Double] {
    reduceGradients(backend: backend, threads: threads, combining: +) { tile, count in
      (0..<count).reduce(0) { $0 + norm.power(tile[$1].magnitude / divisor) }
    }
  }

  /// Returns the summary of each gradient, without its scale. Gradients with a noted summary are not read.
  ///
  /// - Precondition: every parameter has a gradient.
  func gradientSummaries(backend: Backend, threads: Int?) -> [GradientSummary] {
    let unread = filter { $0.gradientNotes.summary == nil }
    let gradients = unread.map { $0.gradient! }
    let elements = gradients.map(\.elements)
    let kernels = backend.kernels
    func summary<A: ArithmeticScalar>(_ part: Elements, _ count: Int, as type: A.Type) -> GradientSummary {
      var summary = GradientSummary()
      GradientConversion.forEach(of: part, count: count, as: type, kernels) { _, tile, size in
        summary.add(GradientSummary(tile: tile, count: size, kernels))
      }
      return summary
    }
    let read = GradientBlocks(elementCounts: gradients.map(\.elementCount)).reduce(
      GradientSummary(), threads: threads ?? processorCount
    ) { block in
      let elements = elements[block.tensor]
      return summary(elements.advanced(by: block.start), block.count, as: elements.type.arithmeticSwiftType)
    } combining: {
      $0.add($1)
    }
    withExtendedLifetime(gradients) {}
    var summaries: [ObjectIdentifier: GradientSummary] = [:]
    for (parameter, summary) in zip(unread, read) {
      summaries[ObjectIdentifier(parameter)] = summary
      // If the tensor doesn't own its memory, it can't know when the memory is written.
      if parameter.gradient!.ownsMemory { parameter.gradientNotes.summary = summary }
    }
    return map { summaries[ObjectIdentifier($0)] ?? $0.gradientNotes.summary! }
  }

  /// Reduces the magnitudes of each gradient, in Double.
  fileprivate func reduceGradients(
    backend: Backend, threads: Int?, combining: (Double, Double) -> Double,
    _ body: (UnsafePointer<Double>, Int) -> Double
  ) -> [Double] {
    let kernels = backend.kernels
    let gradients = map { $0.gradient! }
    let elements = gradients.map(\.elements)
    defer { withExtendedLifetime(gradients) {} }
    return GradientBlocks(elementCounts: gradients.map(\.elementCount)).reduce(
      0, threads: threads ?? processorCount
    ) { block in
      var result = 0.0
      GradientConversion.forEach(
        of: elements[block.tensor].advanced(by: block.start), count: block.count, as: Double.self,
        kernels
      ) { _, tile, size in
        result = combining(result, body(tile, size))
      }
      return result
    } combining: {
      $0 = combining($0, $1)
    }
  }
}

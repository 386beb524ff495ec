import KernelInterface
import Tensors

// MARK: By norm

extension Collection where Element == Parameter {
  /// Scales all gradients by min(1, maxNorm / (norm + 10⁻⁶)), with the norm of all gradients together: torch's
  /// `clip_grad_norm_`.
  ///
  /// Only ``Parameter/gradientScale`` changes. The step multiplies by it as it reads, so no gradient is written. For the
  /// cost of the norm, see ``gradientNorm(_:backend:threads:)``.
  ///
  ///     try accumulator.apply()
  ///     let norm = try parameters.clipGradientNorm(maxNorm: 1)
  ///     try optimizer.step()
  ///
  /// The norm must be the norm of the gradients that the step uses, so clip after accumulation and after
  /// ``LossScaler/unscale(_:)``. If micro-batches are clipped one by one (accelerate issue 641), or gradients are clipped
  /// together with their loss scale, the norm is wrong. Here `unscale` refuses a gradient that was clipped before, and
  /// clipping refuses parameters whose gradients are still in an accumulator.
  ///
  /// The norm of several gradients is known only when all of them exist. If you step each parameter with `step(_:)` as soon
  /// as its gradient exists, limit each norm by
  /// ``Parameter/clipGradientNorm(maxNorm:norm:errorIfNonFinite:backend:threads:)`` instead. `step(_:)` refuses a gradient
  /// that was clipped by the norm of several.
  ///
  /// As in torch, a NaN norm makes every gradient NaN and an infinite norm makes the finite gradients 0, unless
  /// `errorIfNonFinite` is true. The step then reports the gradient that holds the infinity. If all gradients are finite and
  /// clipping would make one of them 0, this method throws an error instead. A maximum norm of infinity measures the norm
  /// and never changes a scale. In torch, an infinite norm then becomes NaN.
  ///
  /// - Parameters:
  ///   - maxNorm: The maximum norm, at least 0.
  ///   - norm: The kind of norm.
  ///   - errorIfNonFinite: Whether a norm that is not finite causes an error: torch's `error_if_nonfinite`.
  ///   - backend: The backend.
  ///   - threads: The maximum number of threads; nil for one per processor. It does not change the result.
  /// - Returns: The norm before clipping.
  /// - Throws: ``GradientClippingError``, without changing any scale.
  @discardableResult
  public func clipGradientNorm(
    maxNorm: Double, norm: GradientNorm = .euclidean, errorIfNonFinite: Bool = false,
    backend: Backend = .default, threads: Int? = nil
  ) throws(GradientClippingError) -> Double {
    try checkMaximum(maxNorm, "maxNorm")
    try norm.validate()
    let parameters = filter { $0.gradient != nil }
    guard !parameters.isEmpty else { throw .noGradients }
    let norms = parameters.gradientNorms(norm, backend: backend, threads: threads)
    let total = norm.combine(norms)
    if errorIfNonFinite && !total.isFinite {
      // If all norms are finite and only their sum overflows, report the largest.
      let index = norms.firstIndex { !$0.isFinite } ?? norms.indices.max { norms[$0] < norms[$1] }!
      throw .nonFiniteNorm(norm: total, parameter: parameters[index].name)
    }
    try clipGradients(ofNorm: total, maxNorm: maxNorm)
    return total
  }

  /// Scales the gradients, whose norm is known, by min(1, maxNorm / (norm + 10⁻⁶)).
  ///
  /// - Throws: ``GradientClippingError``, without changing any scale.
  package func clipGradients(ofNorm total: Double, maxNorm: Double) throws(GradientClippingError) {
    try checkMaximum(maxNorm, "maxNorm")
    let parameters = filter { $0.gradient != nil }
    guard !parameters.isEmpty else { throw .noGradients }
    let coefficient = clipCoefficient(norm: total, maxNorm: maxNorm)
    // Ranks that share a parameter must decide alike, so that none of them looks at its part only.
    if maxNorm > 0, let vanishing = parameters.first(where: { $0.vanishes(scaledBy: coefficient) }),
      total.isFinite || parameters.allSatisfy({ $0.shard == nil && $0.gradient!.isFinite })
    {
      throw .vanishingScale(norm: total, maxNorm: maxNorm, parameter: vanishing.name)
    }
    // This also holds if the others have no gradient now: each may be stepped and released on its own.
    let isJoint = count > 1
    for parameter in parameters {
      parameter.scaleGradient(by: coefficient)
      if isJoint { parameter.gradientNotes.isClippedJointly = true }
    }
  }

  /// Limits every element of every gradient, times its scale, to −maxValue ... maxValue: torch's `clip_grad_value_`.
  ///
  /// Gradients are written in place. If a gradient shares its memory, like the gradients of a ``GradientAccumulator``, a
  /// copy is written. Unlike clipping by norm, this changes the direction of a gradient. NaN elements stay NaN. Infinite
  /// elements become the limit, which hides an overflow from the step.
  ///
  /// - Parameter maxValue: The maximum magnitude, at least 0.
  /// - Throws: ``GradientClippingError``, without changing any gradient.
  public func clipGradientValues(maxValue: Double) throws(GradientClippingError) {
    try checkMaximum(maxValue, "maxValue")
    let parameters = filter { $0.gradient != nil }
    guard !parameters.isEmpty else { throw .noGradients }
    for parameter in parameters { parameter.clampGradient(maxValue) }
  }
}

extension Parameter {
  /// Scales only this gradient by min(1, maxNorm / (norm + 10⁻⁶)), with its own norm.
  ///
  /// It is the same as ``Swift/Collection/clipGradientNorm(maxNorm:norm:errorIfNonFinite:backend:threads:)`` on a collection
  /// of one parameter. The norm of one gradient is known as soon as the gradient exists, so the parameter can be stepped by
  /// itself.
  ///
  /// - Returns: The norm before clipping.
  /// - Throws: ``GradientClippingError``, without changing the scale.
  @discardableResult
  public func clipGradientNorm(
    maxNorm: Double, norm: GradientNorm = .euclidean, errorIfNonFinite: Bool = false,
    backend: Backend = .default, threads: Int? = nil
  ) throws(GradientClippingError) -> Double {
    try CollectionOfOne(self).clipGradientNorm(
      maxNorm: maxNorm, norm: norm, errorIfNonFinite: errorIfNonFinite, backend: backend, threads: threads)
  }

  /// Whether multiplying by `factor` turns a nonzero scale into 0 in the type that the parameter's step computes in.
  fileprivate func vanishes(scaledBy factor: Double) -> Bool {
    let scale = gradientScale * factor
    return gradientScale != 0 && (value.scalarType == .float64 ? scale : Double(Float(scale))) == 0
  }

  fileprivate func scaleGradient(by factor: Double) {
    if factor != 1 { gradientScale *= factor }
    gradientNotes.isClipped = true
  }

  /// Limits the elements so that their products with the scale are within ±maximum.
  fileprivate func clampGradient(_ maximum: Double) {
    let (scale, notes) = (gradientScale, gradientNotes)
    let limit = maximum / scale.magnitude
    if limit.isFinite {
      gradient!.clamp(to: limit)
      // Writing to the gradient reset its scale.
      gradientScale = scale
      gradientNotes = notes
      gradientNotes.summary = nil
    }
    gradientNotes.isClipped = true
  }
}

/// Returns min(1, maxNorm / (norm + 10⁻⁶)), or NaN if the norm is NaN.
private func clipCoefficient(norm: Double, maxNorm: Double) -> Double {
  if maxNorm == .infinity { return 1 }
  let coefficient = maxNorm / (norm + 1e-6)
  return coefficient >= 1 ? 1 : coefficient
}

private func checkMaximum(_ maximum: Double, _ name: String) throws(GradientClippingError) {
  guard maximum >= 0 else {
    throw .invalidSetting(name: name, value: maximum, requirement: "it must be at least 0")
  }
}

// MARK: Elements

extension Tensor {
  /// Whether no element is NaN or infinite.
  fileprivate var isFinite: Bool { scalars(as: Double.self).allSatisfy(\.isFinite) }

  /// Limits every element to −limit ... limit. NaN stays NaN.
  fileprivate mutating func clamp(to limit: Double) {
    switch scalarType {
    case .bfloat16: clamp(to: limit, as: BFloat16.self)
    case .float16:
      #if (os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64)
        fatalError("Swift has no Float16 on Intel Macs.")
      #else
        clamp(to: limit, as: Float16.self)
      #endif
    case .float32: clamp(to: limit, as: Float.self)
    case .float64: clamp(to: limit, as: Double.self)
    }
  }

  @inline(__always)
  private mutating func clamp<Scalar: TensorScalar>(to limit: Double, as type: Scalar.Type) {
    let (upper, lower) = (Scalar(limit), Scalar(-limit))
    withMutableElements(of: type) { elements in
      for index in elements.indices {
        let value = elements[index].doubleValue
        if value > limit { elements[index] = upper } else if value < -limit { elements[index] = lower }
      }
    }
  }
}

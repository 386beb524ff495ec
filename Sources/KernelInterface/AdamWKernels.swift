/// The kernels of AdamW for parameters of one type and gradients of another: one pass over gradient,
/// parameter and moments.
///
/// Symbols: G the gradient times its scale, P the parameter, M and V the moving averages of G and of its
/// squares. M and V hold the arithmetic type of P (`ScalarType.arithmeticType`). Each element is independent
/// of all others, so results don't depend on how a tensor is divided, on threads, or on alignment.
package struct AdamWKernels: Sendable {
  /// m ← m + (1−β₁)(g − m), v ← β₂ v + (1−β₂) g², v̂ ← max(v̂, v), then P ← P − shrinkage·P − factor · m /
  /// (√v̂ + ε), for one row. Without maxima, v̂ is v. The momentum of the change is ignored. Returns whether
  /// every new v and every update is finite and no new element of P is infinite. A NaN that was already in P
  /// is not detected.
  package var update:
    @Sendable (MutableElements, GradientPiece, AdamWMoments, AdamWFactors, ParameterChange) -> Bool

  /// Returns whether every element of a row, times the scale, has a finite square: `false` for NaN and
  /// infinity.
  package var squaresAreFinite: @Sendable (GradientPiece) -> Bool

  /// Returns what `update` would return for one row with this shrinkage if P is rounded to nearest. Nothing
  /// is written.
  package var updateIsFinite:
    @Sendable (Elements, GradientPiece, AdamWMoments, AdamWFactors, _ shrinkage: Double) -> Bool

  /// Creates a table of these entries, in the order of their declarations.
  package init(
    update:
      @escaping @Sendable (MutableElements, GradientPiece, AdamWMoments, AdamWFactors, ParameterChange) ->
      Bool,
    squaresAreFinite: @escaping @Sendable (GradientPiece) -> Bool,
    updateIsFinite:
      @escaping @Sendable (Elements, GradientPiece, AdamWMoments, AdamWFactors, Double) -> Bool
  ) {
    self.update = update
    self.squaresAreFinite = squaresAreFinite
    self.updateIsFinite = updateIsFinite
  }
}

/// The moments of a piece of a parameter.
package struct AdamWMoments: Sendable {
  /// M, the average of gradients.
  package var first: MutableElements
  /// V, the average of squared gradients.
  package var second: MutableElements
  /// V̂, the largest V so far, or `nil` if the update is divided by V itself.
  package var maximum: MutableElements?

  /// Creates the moments of a piece.
  package init(first: MutableElements, second: MutableElements, maximum: MutableElements?) {
    self.first = first
    self.second = second
    self.maximum = maximum
  }

  /// Returns the moments of the elements from index `offset`.
  package func advanced(by offset: Int) -> AdamWMoments {
    AdamWMoments(
      first: first.advanced(by: offset), second: second.advanced(by: offset),
      maximum: maximum?.advanced(by: offset))
  }
}

/// The numbers of an AdamW update at one step.
package struct AdamWFactors: Sendable, Equatable {
  /// β₁ of the average of gradients.
  package var beta1: Double
  /// β₂ of the average of squares.
  package var beta2: Double
  /// The factor of m / (√v̂ + ε): the learning rate with the bias corrections.
  package var factor: Double
  /// ε, added to √v̂. It includes the bias correction of v.
  package var epsilon: Double

  /// Creates the numbers of an update.
  package init(beta1: Double, beta2: Double, factor: Double, epsilon: Double) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.factor = factor
    self.epsilon = epsilon
  }
}

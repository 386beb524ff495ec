import KernelInterface

/// The operations on a parameter's gradient since it was set, and the known sums over it.
///
/// Setting a gradient or writing to it in place creates new notes, so that they never describe another gradient.
struct GradientNotes {
  /// The sums over the gradient's elements, if all of them have been read already.
  var summary: GradientSummary?
  /// Whether it was clipped. Unscaling must come before clipping.
  var isClipped = false
  /// Whether it was clipped by the norm of several parameters. Then it can be stepped only together with them.
  var isClippedJointly = false
  /// Whether it was divided by the loss scale.
  var isUnscaled = false
}

/// Σ g² over the elements of a gradient without its scale, and whether all elements are finite.
struct GradientSummary: Equatable {
  /// Σ g².
  var squares = 0.0
  /// Whether no element is NaN or infinite; squares of Float64 elements may overflow all the same.
  var isFinite = true

  /// Takes up the summary of more elements.
  mutating func add(_ other: GradientSummary) {
    squares += other.squares
    isFinite = isFinite && other.isFinite
  }
}

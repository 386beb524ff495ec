import KernelInterface

/// A record of what was done with a parameter's gradient since it was set, and of known sums over it.
///
/// Setting a gradient or writing to it in place creates new notes, so they always describe the current gradient.
struct GradientNotes {
  /// The sums over the gradient's elements, if all elements have already been read.
  var summary: GradientSummary?
  /// Whether it was clipped. Unscaling must come before clipping.
  var isClipped = false
  /// Whether it was clipped by the norm of several parameters, so that it can be stepped only together with them.
  var isClippedJointly = false
  /// Whether it was divided by the loss scale.
  var isUnscaled = false
}

/// Σ g² over the elements of a gradient, without its scale, and whether all elements are finite.
struct GradientSummary: Equatable {
  /// Σ g².
  var squares = 0.0
  /// Whether no element is NaN or infinite. Squares of finite Float64 elements may still overflow.
  var isFinite = true

  /// Adds the summary of more elements.
  mutating func add(_ other: GradientSummary) {
    squares += other.squares
    isFinite = isFinite && other.isFinite
  }
}

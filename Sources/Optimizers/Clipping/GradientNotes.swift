import KernelInterface

/// What has been done with a parameter's gradient since it was set, and what is known of it.
///
/// Setting a gradient, or writing to one in place, begins with new notes: they cannot outlive what they speak
/// of.
struct GradientNotes {
  /// The sums over the gradient's elements, where somebody has read all of them already.
  var summary: GradientSummary?
  /// Whether it was clipped: un-scaling the loss must come before.
  var isClipped = false
  /// Whether the norm that it was clipped by was that of several parameters: only a step of all comes after that.
  var isClippedJointly = false
  /// Whether the loss scale was taken out of it.
  var isUnscaled = false
}

/// Σ g² over the elements of a gradient as it lies in memory, without its scale, and whether all are finite.
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

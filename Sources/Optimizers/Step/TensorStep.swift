import Kernels

/// One Adafactor step of one tensor: where its numbers lie, and what is known of the step so far.
///
/// A step has three phases. Statistics read the gradient block by block and change nothing. The decision turns their
/// sums into a few numbers: clip factor, step size, and whether the update is finite. The update reads the
/// gradient again and writes the parameter and its state. Blocks of one phase may run in any order, on any thread.
struct TensorStep {
  // MARK: What is stepped

  /// How the tensor is divided.
  let partition: BlockPartition
  /// P, of the parameter's type.
  let parameter: MutableElements
  /// G before it is scaled.
  let gradient: Elements
  /// What G is multiplied by.
  let gradientScale: Double
  /// R, C, V and M of the state, where they exist, in the arithmetic type.
  let moments: Moments
  /// β, 1 − β, ε₁ at this step.
  let average: (decay: Double, weight: Double, epsilon: Double)
  /// Step size and clipping at this step.
  let rule: StepRule

  // MARK: Workspace

  /// What the phases hand on takes this many bytes.
  let workspaceByteCount: Int
  /// Where it lies; bound before the first phase.
  private(set) var workspace: TensorWorkspace!

  // MARK: Results

  /// Σ p² before the step, where it is known beforehand.
  let squaresBefore: Double?
  /// Σ p² after it, once the update is done.
  private(set) var squaresAfter: Double?
  /// What the statistics led to.
  var decision: StepDecision?

  init(
    _ partition: BlockPartition, parameter: MutableElements, gradient: Elements, gradientScale: Double,
    moments: Moments, average: (decay: Double, weight: Double, epsilon: Double), rule: StepRule,
    squaresBefore: Double?
  ) {
    self.partition = partition
    self.parameter = parameter
    self.gradient = gradient
    self.gradientScale = gradientScale
    self.moments = moments
    self.average = average
    self.rule = rule
    self.squaresBefore = squaresBefore
    workspaceByteCount = WorkspaceLayout(partition).byteCount(
      arithmeticBytes: parameter.type.arithmeticType.byteCount)
  }

  /// Gives the phases `workspaceByteCount` bytes at `address`.
  mutating func bindWorkspace(_ address: UnsafeMutableRawPointer) {
    workspace = WorkspaceLayout(partition).bind(address, arithmetic: arithmetic)
  }

  /// Adds up what the update left.
  mutating func finish() {
    squaresAfter = sum(workspace.squaresAfter, partition.blockCount)
  }

  /// The addresses of a state's moments.
  struct Moments {
    /// R: one row moment for each row of each trailing matrix.
    var rows: MutableElements?
    /// C: one column moment for each column of each trailing matrix.
    var columns: MutableElements?
    /// V: one second moment for each element.
    var elements: MutableElements?
    /// M: the average of updates.
    var updates: MutableElements?
  }

  /// The type that the step computes in.
  var arithmetic: ScalarType { parameter.type.arithmeticType }

  /// Bytes of one number of the arithmetic type.
  var arithmeticBytes: Int { arithmetic.byteCount }
}

/// What the hyperparameters come to at one step of one parameter.
struct StepRule {
  /// The rate before parameter scaling.
  var rate: Double
  /// The least RMS(P) that scales the rate, or nil where the rate is not scaled.
  var leastScale: Double?
  /// d, the RMS of updates above which they are scaled down.
  var clipThreshold: Double
  /// Weight decay, before it is multiplied by the step size.
  var weightDecay: Double
  /// The coefficient of the average of updates, or nil for none.
  var beta1: Double?
}

/// What a tensor's statistics led to, before anything was written.
struct StepDecision {
  /// RMS(P) before the step, where it was needed or known.
  var rootMeanSquare: Double?
  /// α = rate · max(ε₂, RMS(P)), the step size.
  var stepSize: Double
  /// RMS(U) of the unclipped update; NaN or infinite where the gradient was.
  var updateRootMeanSquare: Double
  /// α / max(1, RMS(U)/d), what the unclipped update is multiplied by.
  var factor: Double

  /// Whether the update can be written without making the parameter NaN.
  var isFinite: Bool { updateRootMeanSquare.isFinite }
}

extension StepRule {
  /// α = rate · max(ε₂, RMS(P)), or the rate alone where it is not scaled.
  func stepSize(rootMeanSquare: Double?) -> Double {
    guard let leastScale else { return rate }
    // Written so that a NaN in the parameter leaves the least scale, as the reference does.
    let scale = rootMeanSquare ?? 0
    return rate * (scale > leastScale ? scale : leastScale)
  }

  /// α and the clip factor, from Σ p² and Σ u² of `count` elements.
  func decide(squares: Double?, updateSquares: Double, count: Int) -> StepDecision {
    let count = Double(max(1, count))
    let rootMeanSquare = squares.map { ($0 / count).squareRoot() }
    let stepSize = stepSize(rootMeanSquare: rootMeanSquare)
    let updateRMS = (updateSquares / count).squareRoot()
    let excess = updateRMS / clipThreshold
    // `max(1, .nan)` would be 1 and hide the NaN.
    let divisor = excess <= 1 ? 1 : excess
    return StepDecision(
      rootMeanSquare: rootMeanSquare, stepSize: stepSize, updateRootMeanSquare: updateRMS,
      factor: stepSize / divisor)
  }
}

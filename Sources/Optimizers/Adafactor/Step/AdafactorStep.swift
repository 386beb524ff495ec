import KernelInterface

/// One Adafactor step of one tensor: where its numbers lie, and what is known of the step so far.
///
/// The statistics are R, C and what Σ u² is made of; the decision turns them into clip factor and step size. The
/// gradient is read once in the statistics and once in the update, and nothing of its size is kept between.
struct AdafactorStep: BlockwiseStep {
  // MARK: What is stepped

  /// How the tensor is divided.
  let partition: BlockPartition
  /// P, of the parameter's type.
  let parameter: MutableElements
  /// G before it is scaled.
  let gradient: Elements
  /// What G is multiplied by.
  let gradientScale: Double
  /// Whether P and G may have to come from memory.
  let mayComeFromMemory: Bool
  /// R, C, V and M of the state, where they exist, in the arithmetic type.
  let moments: Moments
  /// β, 1 − β, ε₁ at this step.
  let average: (decay: Double, weight: Double, epsilon: Double)
  /// Step size and clipping at this step.
  let rule: StepRule
  /// How P takes its new values, where they have 16 bits.
  let rounding: ParameterRounding

  // MARK: Workspace

  /// What the phases hand on takes this many bytes.
  let workspaceByteCount: Int
  /// Where it lies; bound before the first phase.
  private(set) var workspace: AdafactorWorkspace!

  // MARK: Results

  /// Σ p² before the step, where it is known beforehand.
  let squaresBefore: Double?
  /// Σ p² after it, once the update is done.
  private(set) var squaresAfter: Double?
  /// What the statistics led to.
  var decision: StepDecision?

  init(
    _ partition: BlockPartition, parameter: MutableElements, gradient: Elements, gradientScale: Double,
    mayComeFromMemory: Bool, moments: Moments, average: (decay: Double, weight: Double, epsilon: Double),
    rule: StepRule, rounding: ParameterRounding, squaresBefore: Double?
  ) {
    self.partition = partition
    self.parameter = parameter
    self.gradient = gradient
    self.gradientScale = gradientScale
    self.mayComeFromMemory = mayComeFromMemory
    self.moments = moments
    self.average = average
    self.rule = rule
    self.rounding = rounding
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

  var scratch: ThreadScratch.Capacity { ThreadScratch.Capacity(partition) }

  var statisticsCount: Int { partition.blockCount }

  var isFinite: Bool { decision?.isFinite ?? true }

  var isFinished: Bool { squaresAfter != nil }

  /// Bytes of one number of the arithmetic type.
  var arithmeticBytes: Int { arithmetic.byteCount }
}

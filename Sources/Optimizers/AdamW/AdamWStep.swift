import KernelInterface

/// One AdamW step of one tensor: the update alone, or a look at the gradient before it.
struct AdamWStep: BlockwiseStep {
  /// How the tensor is divided.
  let partition: BlockPartition
  /// P, of the parameter's type.
  let parameter: MutableElements
  /// G before it is scaled.
  let gradient: Elements
  /// What G is multiplied by; negative where the objective is to grow.
  let gradientScale: Double
  /// m, v and its maximum.
  let moments: AdamWMoments
  /// The numbers of this step.
  let rule: AdamWRule
  /// Weight decay at this step.
  let change: ParameterChange
  /// Whether the gradient is judged before the update.
  let needsDecision: Bool

  /// Per block: whether its squares are finite. Bound before the first phase.
  private var blocksAreFinite: UnsafeMutablePointer<Bool>!
  private(set) var isFinite = true
  private(set) var isFinished = false

  init(
    _ tensor: SteppedTensor, gradientScale: Double, moments: AdamWMoments, rule: AdamWRule,
    change: ParameterChange
  ) {
    partition = BlockPartition(dimensions: tensor.shape.dimensions, factored: false)
    parameter = tensor.parameter
    gradient = tensor.gradient
    needsDecision = tensor.needsDecision
    self.gradientScale = gradientScale
    self.moments = moments
    self.rule = rule
    self.change = change
  }

  var arithmetic: ScalarType { parameter.type.arithmeticType }

  var scratch: ThreadScratch.Capacity { ThreadScratch.Capacity() }

  // MARK: Decision

  var workspaceByteCount: Int { statisticsCount }

  mutating func bindWorkspace(_ address: UnsafeMutableRawPointer) {
    blocksAreFinite = address.bindMemory(to: Bool.self, capacity: statisticsCount)
  }

  var statisticsCount: Int { needsDecision ? partition.blockCount : 0 }

  func statistics(block index: Int, _ kernels: any KernelPath, _ scratch: ThreadScratch) {
    blocksAreFinite[index] = kernels.squaresAreFinite(piece(index), arithmetic: arithmetic)
  }

  var combinationCount: Int { 0 }

  func combine(_ index: Int, _ kernels: any KernelPath) {}

  mutating func decide() {
    isFinite = (0..<statisticsCount).allSatisfy { blocksAreFinite[$0] }
  }

  // MARK: Update

  func update(block index: Int, _ kernels: any KernelPath, _ scratch: ThreadScratch) {
    let start = partition[index].columns.lowerBound
    kernels.updateAdamW(
      parameter.advanced(by: start), piece(index), moments: moments.advanced(by: start), rule: rule,
      change: change.advanced(by: start))
  }

  mutating func finish() { isFinished = true }

  /// No later step needs it.
  var squaresAfter: Double? { nil }

  /// The gradient's elements of a block.
  private func piece(_ index: Int) -> GradientPiece {
    let elements = partition[index].columns
    return GradientPiece(
      gradient.advanced(by: elements.lowerBound), scale: gradientScale, rows: 1, columns: elements.count,
      stride: elements.count)
  }
}

import KernelInterface

/// One step of one tensor, block by block, in three phases.
///
/// Statistics read the gradient and change nothing. The decision turns their sums into a few numbers, and says
/// whether the update is finite. The update reads the gradient again, and writes the parameter and its state. The blocks
/// of a phase may run in any order, on any thread; what they hand on lies in the workspace.
protocol BlockwiseStep {
  /// How the tensor is divided.
  var partition: BlockPartition { get }
  /// The type that the step computes in.
  var arithmetic: ScalarType { get }
  /// What a thread needs while it works on a block.
  var scratch: ThreadScratch.Capacity { get }
  /// What the phases hand on takes this many bytes.
  var workspaceByteCount: Int { get }

  /// Gives the phases `workspaceByteCount` bytes at `address`.
  mutating func bindWorkspace(_ address: UnsafeMutableRawPointer)

  /// Blocks that the statistics read: all, or none where there is nothing to decide.
  var statisticsCount: Int { get }
  /// Reads one block.
  func statistics(block index: Int, _ kernels: any KernelPath, _ scratch: ThreadScratch)

  /// Pieces of the work that combines the blocks' sums; they may run side by side.
  var combinationCount: Int { get }
  /// Combines the blocks' sums, one piece of the work.
  func combine(_ index: Int, _ kernels: any KernelPath)

  /// Completes the decision.
  mutating func decide()
  /// Whether the decided update is finite.
  var isFinite: Bool { get }

  /// Writes one block.
  func update(block index: Int, _ kernels: any KernelPath, _ scratch: ThreadScratch)
  /// Adds up what the updates of all blocks left.
  mutating func finish()
  /// Whether the update has been written.
  var isFinished: Bool { get }
  /// Σ p² of the updated parameter, where the update adds it up.
  var squaresAfter: Double? { get }
}

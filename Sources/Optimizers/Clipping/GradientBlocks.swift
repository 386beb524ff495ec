import KernelInterface
import Tensors

/// Gradients of several tensors, divided into blocks that threads take one at a time.
///
/// The division depends only on the sizes, and results are combined in the order of the blocks, so the number of threads
/// changes no bit. Strict concurrency cannot check this file and the parallel loop. Each block writes only its own part.
struct GradientBlocks {
  /// The number of elements in a block. A block takes much longer than handing it to a thread, and it stays in the
  /// second-level cache.
  private static let blockElements = BlockPartition.blockElements

  private let blocks: ContiguousArray<Block>
  private let tensorCount: Int

  /// A range of elements of one tensor.
  struct Block {
    /// The index of the tensor.
    let tensor: Int
    /// The index of the block's first element in the tensor.
    let start: Int
    /// The number of elements in the block.
    let count: Int
  }

  /// Creates the blocks of tensors with the given numbers of elements.
  init(elementCounts: [Int]) {
    var blocks = ContiguousArray<Block>()
    for (tensor, count) in elementCounts.enumerated() {
      for start in stride(from: 0, to: count, by: Self.blockElements) {
        blocks.append(Block(tensor: tensor, start: start, count: min(Self.blockElements, count - start)))
      }
    }
    self.blocks = blocks
    tensorCount = elementCounts.count
  }

  /// Runs `body` on every block, and combines the results per tensor, starting with `first`.
  ///
  /// - Precondition: `body` may run on different blocks at the same time.
  func reduce<Value>(
    _ first: Value, threads: Int, _ body: (Block) -> Value, combining: (inout Value, Value) -> Void
  ) -> [Value] {
    var values = ContiguousArray(repeating: first, count: blocks.count)
    values.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let values = buffer
      parallelFor(count: blocks.count, threads: threads) { _, index in values[index] = body(blocks[index]) }
    }
    var results = Array(repeating: first, count: tensorCount)
    for (block, value) in zip(blocks, values) { combining(&results[block.tensor], value) }
    return results
  }
}

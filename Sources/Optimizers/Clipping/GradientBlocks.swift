import KernelInterface
import Tensors

/// Gradients of several tensors, cut into blocks that threads take one at a time.
///
/// The cut depends only on the sizes, and results are combined in the order of the blocks, so that threads change no bit.
/// Strict concurrency cannot check this file and the parallel loop: a block writes only its own part.
struct GradientBlocks {
  /// The number of elements of a block. It is large compared with the cost of giving it to a thread, and it stays in the
  /// second-level cache.
  private static let blockElements = BlockPartition.blockElements

  private let blocks: ContiguousArray<Block>
  private let tensorCount: Int

  /// Some elements of one tensor.
  struct Block {
    /// The index of the tensor.
    let tensor: Int
    /// The first element of the block within it.
    let start: Int
    /// Elements of the block.
    let count: Int
  }

  /// The blocks of tensors with these many elements.
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

  /// Runs `body` on every block, and combines what it returns by tensor, beginning with `first`.
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

import KernelInterface

/// Which tensors one thread steps alone, and which are divided among all, in waves that fit the cache.
///
/// The plan affects speed alone: every tensor is stepped by the same blocks in any plan.
struct StepPlan: Sendable {
  /// Tensors that one thread steps from first to last phase.
  let solos: [Int]
  /// Ranges of `solos` that a thread takes at a time.
  let soloChunks: [Range<Int>]
  /// Ranges of tensors whose phases run together, over the blocks of all.
  let waves: [Range<Int>]
  /// The scratch of a thread.
  let scratch: ThreadScratch.Capacity
  /// The workspace of the largest solo tensor.
  let soloBytes: Int
  /// The workspace of the largest wave.
  let waveBytes: Int

  /// Elements of a wave: the gradients stay in a last-level cache of 8 MB and more.
  private static let waveElements = 1 << 20
  /// Elements of a chunk of solo tensors: enough that handing it to a thread costs little.
  private static let chunkElements = 1 << 14
  /// Elements of a solo tensor at the most: beyond the second-level cache one thread gains nothing by having it alone.
  private static let soloElements = 1 << 17

  /// - Parameter together: Whether every decision must stand before the first update, which makes one wave of all.
  init<Step: BlockwiseStep>(_ steps: ContiguousArray<Step>, threads: Int, together: Bool) {
    let total = steps.reduce(0) { $0 + $1.partition.elementCount }
    // One thread alone may take a tensor only while the others have as much to do.
    let soloLimit = together ? -1 : min(Self.soloElements, total / max(1, 4 * (threads - 1)))
    var solos: [Int] = []
    var chunks: [Range<Int>] = []
    var waves: [Range<Int>] = []
    var scratch = ThreadScratch.Capacity()
    var (soloBytes, waveBytes, largestWave) = (0, 0, 0)
    var (chunkStart, chunkElements, waveElements) = (0, 0, 0)
    for (index, step) in steps.enumerated() {
      let elements = step.partition.elementCount
      scratch = scratch.union(step.scratch)
      if elements <= soloLimit || step.partition.blockCount <= 1 && !together {
        solos.append(index)
        soloBytes = max(soloBytes, step.workspaceByteCount)
        chunkElements += elements
        if chunkElements >= Self.chunkElements {
          chunks.append(chunkStart..<solos.count)
          (chunkStart, chunkElements) = (solos.count, 0)
        }
      } else {
        let follows = waves.last?.upperBound == index
        if follows && (together || waveElements + elements <= Self.waveElements) {
          waves[waves.count - 1] = waves[waves.count - 1].lowerBound..<index + 1
        } else {
          waves.append(index..<index + 1)
          (waveElements, waveBytes) = (0, 0)
        }
        waveElements += elements
        waveBytes += step.workspaceByteCount
        largestWave = max(largestWave, waveBytes)
      }
    }
    if chunkStart < solos.count { chunks.append(chunkStart..<solos.count) }
    self.solos = solos
    soloChunks = chunks
    self.waves = waves
    self.scratch = scratch
    self.soloBytes = (soloBytes + 63) / 64 * 64
    self.waveBytes = largestWave
  }
}

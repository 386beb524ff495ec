import KernelInterface
import Tensors

/// Runs the steps of many tensors: small ones beside each other, large ones block by block.
///
/// This is the one file that shares memory between threads unchecked. It is sound because a step's tensors are
/// distinct, each block writes its own part of them, and the phases of a tensor follow one another. Which thread
/// does what changes no result: the blocks and the order of their sums depend on shapes alone.
final class StepEngine {
  /// The kernels.
  let kernels: any KernelPath
  /// Threads at the most, the calling one included.
  let threads: Int
  /// Memory that is kept from step to step.
  private let workspace = Workspace()

  /// Bytes held for what a step hands from phase to phase.
  var workspaceByteCount: Int { workspace.byteCount }

  init(backend: Backend, threads: Int) {
    self.kernels = backend.kernels
    self.threads = threads
  }

  /// Runs all phases of each step, and leaves its decision and Σ p² in it.
  ///
  /// - Parameters:
  ///   - steps: One for each tensor; no two share memory that is written.
  ///   - policy: What happens to a tensor whose update is not finite.
  /// - Returns: The indices of the steps whose update is not finite.
  func run<Step: BlockwiseStep>(_ steps: inout ContiguousArray<Step>, policy: NonFinitePolicy) -> [Int] {
    let plan = StepPlan(steps, threads: threads, together: policy.decidesTogether)
    let scratchBytes = plan.scratch.byteCount
    let memory = workspace.reserve(threads * (scratchBytes + plan.soloBytes) + plan.waveBytes)
    let soloMemory = memory + threads * scratchBytes
    let waveMemory = soloMemory + threads * plan.soloBytes
    let arena = StepArena(
      kernels: kernels, scratchMemory: memory, scratchBytes: scratchBytes, capacity: plan.scratch)

    steps.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let steps = buffer
      parallelFor(count: plan.soloChunks.count, threads: threads) { worker, index in
        for step in plan.soloChunks[index] {
          let solo = plan.solos[step]
          steps[solo].bindWorkspace(soloMemory + worker * plan.soloBytes)
          arena.runAll(&steps[solo], worker: worker, updatesNonFinite: policy == .propagate)
        }
      }
      for wave in plan.waves {
        run(wave, steps, waveMemory, arena, policy)
      }
    }
    return steps.indices.filter { !steps[$0].isFinite }
  }

  /// Runs the phases of a few large tensors, each phase over the blocks of all.
  private func run<Step: BlockwiseStep>(
    _ wave: Range<Int>, _ steps: UnsafeMutableBufferPointer<Step>, _ memory: UnsafeMutableRawPointer,
    _ arena: StepArena, _ policy: NonFinitePolicy
  ) {
    nonisolated(unsafe) let steps = steps
    var cursor = memory
    for step in wave {
      steps[step].bindWorkspace(cursor)
      cursor += steps[step].workspaceByteCount
    }
    let read = TaskList(wave) { steps[$0].statisticsCount }
    parallelFor(count: read.count, threads: threads) { worker, index in
      let (step, block) = read[index]
      steps[step].statistics(block: block, arena.kernels, arena.scratch(worker, steps[step].arithmetic))
    }
    let combinations = TaskList(wave) { steps[$0].combinationCount }
    parallelFor(count: combinations.count, threads: threads) { _, index in
      let (step, chunk) = combinations[index]
      steps[step].combine(chunk, arena.kernels)
    }
    for step in wave { steps[step].decide() }
    let isFinite = wave.allSatisfy { steps[$0].isFinite }
    if policy.decidesTogether && !isFinite { return }
    let writes = policy == .propagate || isFinite
    let blocks = TaskList(wave) { steps[$0].partition.blockCount }
    parallelFor(count: blocks.count, threads: threads) { worker, index in
      let (step, block) = blocks[index]
      guard writes || steps[step].isFinite else { return }
      steps[step].update(block: block, arena.kernels, arena.scratch(worker, steps[step].arithmetic))
    }
    for step in wave where writes || steps[step].isFinite { steps[step].finish() }
  }
}

/// The scratch of every thread.
private struct StepArena: @unchecked Sendable {
  let kernels: any KernelPath
  let scratchMemory: UnsafeMutableRawPointer
  let scratchBytes: Int
  let capacity: ThreadScratch.Capacity

  /// The scratch of one thread.
  func scratch(_ worker: Int, _ arithmetic: ScalarType) -> ThreadScratch {
    ThreadScratch(scratchMemory + worker * scratchBytes, capacity, arithmetic: arithmetic)
  }

  /// All phases of one tensor on the calling thread.
  func runAll(_ step: inout some BlockwiseStep, worker: Int, updatesNonFinite: Bool) {
    let scratch = scratch(worker, step.arithmetic)
    for block in 0..<step.statisticsCount {
      step.statistics(block: block, kernels, scratch)
    }
    for chunk in 0..<step.combinationCount {
      step.combine(chunk, kernels)
    }
    step.decide()
    guard updatesNonFinite || step.isFinite else { return }
    for block in 0..<step.partition.blockCount {
      step.update(block: block, kernels, scratch)
    }
    step.finish()
  }
}

/// The tasks of several tensors as one list: (tensor, index within it).
private struct TaskList: Sendable {
  private let first: Int
  /// Tasks before each tensor, and their number at the end.
  private let starts: [Int]

  init(_ range: Range<Int>, _ count: (Int) -> Int) {
    first = range.lowerBound
    var starts = [0]
    for index in range { starts.append(starts[starts.count - 1] + count(index)) }
    self.starts = starts
  }

  var count: Int { starts[starts.count - 1] }

  subscript(task: Int) -> (tensor: Int, index: Int) {
    var (low, high) = (0, starts.count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= task { low = middle } else { high = middle }
    }
    return (first + low, task - starts[low])
  }
}

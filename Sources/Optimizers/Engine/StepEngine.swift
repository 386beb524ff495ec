import Backends
import KernelInterface
import Tensors

/// Runs the steps of many tensors: small tensors in parallel, and large ones task by task.
///
/// This is the only file that shares memory between threads unchecked. It is sound because a step's tensors are distinct,
/// each task writes its own part of them, and the phases of a tensor run in sequence. Which thread runs a task doesn't
/// affect the results: the tasks and the order of their sums depend only on shapes.
final class StepEngine {
  /// The kernels.
  let kernels: KernelTable
  /// The maximum number of threads of a step, including the calling thread. It doesn't exceed the number available.
  let threads: Int
  /// The number of steps that were replaced with newly prepared ones. A plan is valid as long as this doesn't change.
  var replacementCount = 0
  /// The connection with the processes that share parameters, if there are any.
  var reducer: (any StepReducer)?
  private let memory = StepMemory()
  /// The error of the reducer in this run.
  private var failure: OptimizerError?

  init(backend: Backend, threads: Int) {
    guard threads >= 1 else {
      fatalError("A step needs at least one thread, not \(threads).")
    }
    kernels = backend.kernels
    self.threads = min(threads, mostWorkers)
  }

  /// The size in bytes of the memory that is held for numbers that pass between phases.
  var workspaceByteCount: Int { memory.byteCount }

  /// Runs all phases of each step.
  ///
  /// - Parameters:
  ///   - batch: The steps. No two of them write to the same memory.
  ///   - policy: The policy for tensors whose updates are not finite.
  /// - Returns: The indices of the steps whose updates are not finite, or left an infinity in their parameters.
  /// - Throws: The error of the reducer. If it occurred before the first write, nothing is stepped.
  func run(_ batch: StepBatch, policy: NonFinitePolicy) throws(OptimizerError) -> [Int] {
    // With other processes, all tensors in one wave: then there is one reduction per phase.
    let plan = batch.plan(
      threads: threads, together: policy.decidesTogether || reducer != nil, replacementCount: replacementCount
    )
    let base = memory.reserve(threads * (plan.scratchBytes + plan.soloBytes) + plan.waveBytes)
    let arena = Arena(
      kernels: kernels, items: batch.items, policy: policy, base: base, scratchBytes: plan.scratchBytes,
      soloBase: base + threads * plan.scratchBytes, soloBytes: plan.soloBytes)
    var nonFinite = [Bool](repeating: false, count: batch.items.count)
    // Products with their own threads would wait for one another: with 16 matrices of 256 × 256, Muon's step would take
    // 2.5 times as long.
    let oneByOne = plan.hasLargeProducts && kernels.productThreads() > 1
    nonFinite.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let nonFinite = buffer
      if oneByOne {
        for item in plan.solos where arena.items[item].step.multipliesLargeMatrices {
          nonFinite[item] = !arena.runAlone(arena.items[item], 0)
        }
      }
      parallelFor(count: plan.soloChunks.count, threads: threads) { worker, index in
        for solo in plan.soloChunks[index] {
          let item = plan.solos[solo]
          if oneByOne && arena.items[item].step.multipliesLargeMatrices { continue }
          nonFinite[item] = !arena.runAlone(arena.items[item], worker)
        }
      }
      let waveBase = base + threads * (plan.scratchBytes + plan.soloBytes)
      for wave in plan.waves { run(wave, arena, waveBase, oneByOne: oneByOne, nonFinite) }
    }
    if let failure {
      self.failure = nil
      throw failure
    }
    return nonFinite.indices.filter { nonFinite[$0] }
  }

  /// Runs the phases of a few large tensors. Each phase covers the tasks of all tensors.
  private func run(
    _ wave: StepWave, _ arena: Arena, _ memory: UnsafeMutableRawPointer, oneByOne: Bool,
    _ nonFinite: UnsafeMutableBufferPointer<Bool>
  ) {
    var cursor = memory
    for index in wave.steps {
      let item = arena.items[index]
      item.begin()
      item.step.bindWorkspace(cursor)
      cursor += item.step.workspaceByteCount
    }
    var isRun = [Bool](repeating: true, count: wave.steps.count)
    let (reading, writing) = (
      wave.stages.prefix(wave.readingStageCount), wave.stages.dropFirst(wave.readingStageCount)
    )
    while isRun.contains(true) && failure == nil {
      isRun = run(reading, of: wave, arena, isRun, oneByOne: oneByOne, nonFinite)
    }
    // All verdicts are known now, and nothing has been written yet.
    let isFinite = wave.steps.allSatisfy { !nonFinite[$0] }
    isRun = wave.steps.map {
      failure == nil
        && (arena.policy == .propagate || (arena.policy.decidesTogether ? isFinite : !nonFinite[$0]))
    }
    _ = run(writing, of: wave, arena, isRun, oneByOne: oneByOne, nonFinite)
    if let reducer, failure == nil {
      // Another process may have found an infinity in its part of a new parameter.
      do { try reducer.combine(nonFinite) } catch { failure = error }
    }
    for (index, isWritten) in zip(wave.steps, isRun) { arena.items[index].end(isWritten: isWritten) }
  }

  /// Runs some stages for the tensors of a wave that take part, and returns the tensors that request the stages again.
  private func run(
    _ stages: ArraySlice<StepWave.Stage>, of wave: StepWave, _ arena: Arena, _ isRun: [Bool], oneByOne: Bool,
    _ nonFinite: UnsafeMutableBufferPointer<Bool>
  ) -> [Bool] {
    var again = [Bool](repeating: false, count: isRun.count)
    let first = wave.steps.lowerBound
    for stage in stages {
      if oneByOne {
        for (step, phase) in stage.steps
        where isRun[step - first] && arena.items[step].step.multipliesLargeMatrices {
          arena.items[step].step.run(0, in: phase, scratch: arena.scratch(0))
        }
      }
      parallelFor(count: stage.tasks.count, threads: threads) { worker, task in
        let (member, index) = stage.tasks[task]
        let (step, phase) = stage.steps[member]
        if isRun[step - first] && !(oneByOne && arena.items[step].step.multipliesLargeMatrices) {
          arena.items[step].step.run(index, in: phase, scratch: arena.scratch(worker))
        }
      }
      parallelFor(count: stage.folds.count, threads: threads) { _, fold in
        let (member, index) = stage.folds[fold]
        let (step, phase) = stage.steps[member]
        if isRun[step - first] { arena.items[step].step.fold(index, in: phase) }
      }
      if reducer != nil { reduce(stage.steps.filter { isRun[$0.step - first] }, arena) }
      if failure != nil { return again }
      for (step, phase) in stage.steps where isRun[step - first] {
        switch arena.items[step].step.finish(phase, kernels: kernels) {
        case .proceed: break
        case .nonFinite: nonFinite[step] = true
        case .again: again[step - first] = true
        }
      }
    }
    return again
  }

  /// Combines the partial results of shared tensors with the results of other processes.
  private func reduce(_ steps: [(step: Int, phase: Int)], _ arena: Arena) {
    let reductions = steps.compactMap { step, phase -> (shard: TensorShard, reduction: StepReduction)? in
      guard let shard = arena.items[step].shard, shard.blocksByRank.count > 1,
        let reduction = arena.items[step].step.reduction(after: phase)
      else { return nil }
      return (shard, reduction)
    }
    if reductions.isEmpty { return }
    do { try reducer?.reduce(reductions) } catch { failure = error }
  }
}

/// The steps that an engine runs together, with their plan. When the steps change, a new batch is created.
final class StepBatch {
  let items: ContiguousArray<StepItem>
  private var plan: StepPlan?
  /// The settings that the plan was made for.
  private var key: (together: Bool, replacementCount: Int) = (false, 0)

  init(_ items: ContiguousArray<StepItem>) { self.items = items }

  /// Returns the plan. It is created again if a step of the engine was replaced, because several batches may share an item.
  fileprivate func plan(threads: Int, together: Bool, replacementCount: Int) -> StepPlan {
    if let plan, key == (together, replacementCount) { return plan }
    let plan = StepPlan(items.map { $0.step as any PhasedStep }, threads: threads, together: together)
    self.plan = plan
    key = (together, replacementCount)
    return plan
  }
}

/// One tensor in a batch: a step, and the code that begins and ends it.
class StepItem {
  /// The prepared step.
  fileprivate(set) var step: any PreparedStep
  /// The part of a tensor that is stepped; nil for a whole tensor.
  var shard: TensorShard? { nil }

  init(_ step: any PreparedStep) { self.step = step }

  /// Replaces the step with one that is prepared for another layout.
  func replaceStep(_ step: any PreparedStep) { self.step = step }

  /// Takes the addresses of this step. Runs on the thread that steps the tensor.
  func begin() {}

  /// Records whether the step was written.
  func end(isWritten: Bool) {
    if isWritten { step.commit() } else { step.discard() }
  }
}

/// The memory and the items that the threads of one run share.
private struct Arena: @unchecked Sendable {
  let kernels: KernelTable
  let items: ContiguousArray<StepItem>
  let policy: NonFinitePolicy
  let base: UnsafeMutableRawPointer
  let scratchBytes: Int
  let soloBase: UnsafeMutableRawPointer
  let soloBytes: Int

  /// Returns the scratch memory of one thread.
  func scratch(_ worker: Int) -> UnsafeMutableRawPointer { base + worker * scratchBytes }

  /// Runs all phases of one tensor on the calling thread, and returns whether its update is finite.
  func runAlone(_ item: StepItem, _ worker: Int) -> Bool {
    item.begin()
    let step = item.step
    step.bindWorkspace(soloBase + worker * soloBytes)
    let writesNonFinite = policy == .propagate
    let (isFinite, isWritten) = step.runAlone(
      scratch: scratch(worker), kernels: kernels, writesNonFinite: writesNonFinite)
    item.end(isWritten: isWritten)
    return isFinite
  }
}

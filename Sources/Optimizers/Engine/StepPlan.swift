/// The division of the work into tensors that one thread steps by itself, and tensors that all threads share, in waves that
/// fit in the cache.
///
/// It is created once for the steps of an optimizer, and again when they change. The plan affects only speed: every plan
/// steps a tensor by the same tasks.
struct StepPlan {
  /// Ranges of `solos` that a thread takes at a time.
  private(set) var soloChunks: [Range<Int>] = []
  /// Tensors that one thread steps from the first phase to the last.
  private(set) var solos: [Int] = []
  /// Tensors whose phases run together, over the tasks of all.
  private(set) var waves: [StepWave] = []
  /// Whether several tensors are stepped by products of large matrices.
  private(set) var hasLargeProducts = false
  /// The scratch of a thread.
  private(set) var scratchBytes = 0
  /// The workspace of the largest solo tensor.
  private(set) var soloBytes = 0
  /// The workspace of the largest wave.
  private(set) var waveBytes = 0

  /// The number of elements of a wave. Its gradients stay in a last-level cache of 8 MB or more.
  private static let waveElements = 1 << 20
  /// The number of elements in a chunk of solo tensors, large enough that handing a chunk to a thread costs little.
  private static let chunkElements = 1 << 14
  /// The maximum number of elements of a solo tensor. A larger tensor does not fit in the second-level cache of one thread.
  private static let soloElements = 1 << 17
  /// The maximum number of tensors in a chunk. Each of the smallest tensors costs as much as a few hundred elements.
  private static let chunkTensors = 64

  /// Creates a plan.
  ///
  /// - Parameter together: Whether every verdict must be known before the first write, which puts all tensors in one wave.
  init(_ steps: [any PhasedStep], threads: Int, together: Bool) {
    let total = steps.reduce(0) { $0 + $1.elementCount }
    // One thread may take a tensor by itself only if enough work remains for the other threads.
    let soloLimit = together ? -1 : min(Self.soloElements, total / max(1, 4 * (threads - 1)))
    var (chunkStart, chunkElements) = (0, 0)
    var waveRanges: [(range: Range<Int>, elements: Int)] = []
    for (index, step) in steps.enumerated() {
      let elements = step.elementCount
      scratchBytes = max(scratchBytes, step.scratchByteCount)
      let tasks = step.taskCount(in: step.firstWritingPhase)
      if elements <= soloLimit || tasks <= 1 && !together {
        solos.append(index)
        soloBytes = max(soloBytes, step.workspaceByteCount)
        chunkElements += elements
        if chunkElements >= Self.chunkElements || solos.count - chunkStart >= Self.chunkTensors {
          soloChunks.append(chunkStart..<solos.count)
          (chunkStart, chunkElements) = (solos.count, 0)
        }
      } else if let last = waveRanges.last, last.range.upperBound == index,
        together || last.elements + elements <= Self.waveElements
      {
        waveRanges[waveRanges.count - 1] = (last.range.lowerBound..<index + 1, last.elements + elements)
      } else {
        waveRanges.append((index..<index + 1, elements))
      }
    }
    hasLargeProducts = steps.count { $0.multipliesLargeMatrices } > 1
    if chunkStart < solos.count { soloChunks.append(chunkStart..<solos.count) }
    waves = waveRanges.map { StepWave($0.range, steps) }
    waveBytes = waves.reduce(0) { max($0, $1.workspaceByteCount) }
  }
}

/// A few tensors whose phases run together.
struct StepWave {
  /// The tensors.
  let steps: Range<Int>
  /// The phases that only read, then those that write.
  let stages: [Stage]
  /// The number of stages that only read.
  let readingStageCount: Int
  /// The workspace of all tensors.
  let workspaceByteCount: Int

  /// One phase of each tensor that has this phase.
  struct Stage {
    /// The tensors that have this phase.
    let steps: [(step: Int, phase: Int)]
    /// The tasks of all these tensors.
    let tasks: TaskList
    /// The parts of all their folds.
    let folds: TaskList
  }

  init(_ range: Range<Int>, _ steps: [any PhasedStep]) {
    self.steps = range
    workspaceByteCount = range.reduce(0) { $0 + steps[$1].workspaceByteCount }
    func stages(_ phases: (any PhasedStep) -> Range<Int>) -> [Stage] {
      let count = range.reduce(0) { max($0, phases(steps[$1]).count) }
      return (0..<count).map { stage in
        let members = range.compactMap { index in
          let phases = phases(steps[index])
          return stage < phases.count ? (step: index, phase: phases.lowerBound + stage) : nil
        }
        return Stage(
          steps: members, tasks: TaskList(members.map { steps[$0.step].taskCount(in: $0.phase) }),
          folds: TaskList(members.map { steps[$0.step].foldCount(in: $0.phase) }))
      }
    }
    let reading = stages { 0..<$0.firstWritingPhase }
    self.stages = reading + stages { $0.firstWritingPhase..<$0.phaseCount }
    readingStageCount = reading.count
  }
}

/// The tasks of several tensors as one list.
struct TaskList: Sendable {
  /// The number of tasks before each tensor, followed by the total number.
  private let starts: [Int]

  init(_ counts: [Int]) {
    starts = counts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
  }

  /// The total number of tasks.
  var count: Int { starts[starts.count - 1] }

  /// The tensor that a task belongs to, and the task's index within that tensor.
  subscript(task: Int) -> (member: Int, index: Int) {
    var (low, high) = (0, starts.count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= task { low = middle } else { high = middle }
    }
    return (low, task - starts[low])
  }
}

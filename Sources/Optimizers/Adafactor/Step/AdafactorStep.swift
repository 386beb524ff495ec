import KernelInterface
import Tensors

/// The prepared Adafactor step of one parameter: the parts that all block forms share.
///
/// A step has three phases. Statistics reads the gradient and computes R, C and the sums for Σ u². Moments completes the
/// moments that blocks computed only in part, then decides the step size and the clip factor. Update reads the gradient
/// again and writes the parameter and the state. Nothing of the gradient's size is kept between them.
///
/// If the statistics leave the range of the arithmetic type although the moments may not, the first two phases run once more
/// with kernels that compute in Double (`isReliable`). If only subnormal squares may matter, a search first looks for rows
/// in which they could: in most gradients these rows are all zeros.
///
/// Each block form is a subclass in its own file that reads from top to bottom: workspace, statistics, fold, moments,
/// decide, update. `AdafactorOptions.update(_:gradient:state:)` is the specification of all of them.
class AdafactorStep: PreparedStep {
  /// The tensor and its blocks in this process.
  let extent: Extent
  /// Whether several processes hold blocks of the tensor.
  final let isShared: Bool
  /// The blocks of each maximal subtree of the tree of sums in this process, counted from its first block. Of a tensor that
  /// is not shared, one.
  final let subtrees: [Range<Int>]
  /// The kernels of this pass, for the types of parameter and gradient. They are stored, because choosing between two
  /// tables at each use would retain all their entries.
  private(set) final var kernels: AdafactorKernels
  private let table: KernelTable
  /// The type of the arithmetic.
  let arithmetic: ScalarType
  let workspaceByteCount: Int
  let scratchByteCount: Int
  private let group: RuleGroup<AdafactorOptions>
  private let layout: StepLayout
  private let nameHash: UInt64

  /// The parameter's state, if it has one.
  private var state: AdafactorState
  private var hasState: Bool
  /// The parts of the state that `begin` added.
  private var added: (state: Bool, momentum: Bool, residual: Bool) = (false, false, false)

  // This step.
  private(set) var tensor: SteppedTensor
  private(set) var hyperparameters: AdafactorHyperparameters
  private var change = ParameterChange(shrinkage: 0)
  private var decision = AdafactorDecision(rootMeanSquare: nil, stepSize: 0, factor: 0, isFinite: true)
  private(set) var squaresAfter: Double?
  /// Σ p² of each subtree after the last step, if the tensor is shared.
  private var subtreeSquares: [Double] = []
  /// The current pass over the phases that only read.
  private var pass = Pass.fast
  /// The largest magnitude of the parameter, which processes that share it find together.
  private let largest = UnsafeMutablePointer<Double>.allocate(capacity: 1)

  private enum Pass {
    case fast
    /// The tasks of the first phase search their blocks for rows that exceed an error.
    case search(bound: Double)
    /// Statistics in Double.
    case exact
    /// No tasks: processes find the largest magnitude of the parameter that they share. Σ u² is known.
    case range(updateSquares: Double)
  }

  init(
    _ group: RuleGroup<AdafactorOptions>, _ layout: StepLayout, _ extent: Extent, state: AdafactorState?,
    kernels: KernelTable, workspace: ScratchAllocator, scratch: ScratchAllocator
  ) {
    self.group = group
    self.layout = layout
    self.extent = extent
    isShared = layout.isShared
    subtrees = extent.subtrees(of: extent.blocks, count: extent.partition.blockCount)
    largest.initialize(to: 0)
    self.state = state ?? AdafactorState(step: 0)
    hasState = state != nil
    table = kernels
    self.kernels = kernels.adafactor[layout.scalarType, layout.gradientType]
    arithmetic = layout.scalarType.arithmeticType
    nameHash = Rounding.hash(ofName: layout.name)
    workspaceByteCount = workspace.byteCount
    scratchByteCount = scratch.byteCount
    hyperparameters = AdafactorHyperparameters(group.rule, step: 1)
    let nothing = UnsafeMutableRawPointer(bitPattern: 64)!
    tensor = SteppedTensor(
      parameter: MutableElements(nothing, layout.scalarType),
      gradient: Elements(nothing, layout.gradientType), gradientScale: 1)
  }

  deinit { largest.deallocate() }

  // MARK: The parts of a block form

  /// Takes the addresses of the second moments. They are valid until the state is copied or changed.
  func bindMoments(of state: inout AdafactorState) { fatalError("a block form takes its moments") }
  /// Returns whether no subnormal square of a block matters, with the bound that `isSettled` takes for pieces.
  func isSettled(_ block: Int, _ scratch: UnsafeMutableRawPointer, bound: Double) -> Bool { true }
  /// The first phase's counts of blocks that are not settled: one number per block, and their sum.
  var unsettled: (blocks: UnsafeMutablePointer<Double>, total: UnsafeMutablePointer<Double>)? { nil }
  /// Reads one block of the gradient.
  func readStatistics(_ block: Int, _ scratch: UnsafeMutableRawPointer) {}
  /// The number of parts of the fold, and one of them.
  var foldCount: Int { 0 }
  func foldStatistics(_ part: Int) {}
  /// The sums that processes which share the tensor add up after the fold.
  var reduction: StepReduction? { nil }
  /// The number of parts in which moments are completed, and one of them.
  var momentTaskCount: Int { 0 }
  func completeMoments(_ task: Int) {}
  /// Sums of completed moments over matrices, if processes share a stack of them; and their reduction.
  func foldMoments() {}
  var momentReduction: StepReduction? { nil }
  /// Returns Σ p² before the step, Σ u², and the error of Σ u² that `isReliable` takes, or nil if the block form has
  /// checked the error itself.
  func sums() -> (squares: Double, updateSquares: Double, error: Double?) {
    fatalError("a block form has its sums")
  }
  /// Writes one block.
  func write(_ block: Int, _ scratch: UnsafeMutableRawPointer) {}
  /// Writes moments that all processes hold, in a process without blocks.
  func writeWithoutBlocks() {}
  /// Σ p² of each block after the step.
  var squaresAfterByBlock: UnsafeMutablePointer<Double> { fatalError("a block form has its sums") }
  func bindWorkspace(_ address: UnsafeMutableRawPointer) {}

  // MARK: Phases

  // Computed properties: stored constants would be initialized lazily, with a check at every use.
  private enum Phase {
    static var statistics: Int { 0 }
    static var moments: Int { 1 }
    static var update: Int { 2 }
    static var count: Int { 3 }
  }

  final var elementCount: Int { extent.elementCount }
  final var phaseCount: Int { Phase.count }
  final var firstWritingPhase: Int { Phase.update }

  final func taskCount(in phase: Int) -> Int {
    phase == Phase.moments ? momentTaskCount : extent.blocks.count
  }

  final func run(_ task: Int, in phase: Int, scratch: UnsafeMutableRawPointer) {
    switch phase {
    case Phase.statistics: readBlock(task, scratch)
    case Phase.moments: if takesStatistics { completeMoments(task) }
    default: write(task, scratch)
    }
  }

  private func readBlock(_ block: Int, _ scratch: UnsafeMutableRawPointer) {
    switch pass {
    case .fast, .exact: readStatistics(block, scratch)
    case .search(let bound): unsettled!.blocks[block] = isSettled(block, scratch, bound: bound) ? 0 : 1
    case .range: break
    }
  }

  private var takesStatistics: Bool {
    switch pass {
    case .fast, .exact: true
    case .search, .range: false
    }
  }

  final func foldCount(in phase: Int) -> Int {
    switch phase {
    case Phase.statistics: foldCount
    case Phase.moments: momentReduction == nil ? 0 : 1
    default: 0
    }
  }

  final func fold(_ part: Int, in phase: Int) {
    if takesStatistics {
      phase == Phase.statistics ? foldStatistics(part) : foldMoments()
    } else if part == 0, phase == Phase.statistics, case .search = pass, let unsettled {
      unsettled.total.pointee = sum(unsettled.blocks, extent.blocks.count)
    }
  }

  final func reduction(after phase: Int) -> StepReduction? {
    switch (phase, pass) {
    case (Phase.statistics, .search): StepReduction(unsettled!.total, length: 1, .count)
    case (Phase.statistics, .range): StepReduction(largest, length: 1, .maximum)
    case (Phase.statistics, _): reduction
    case (Phase.moments, .fast), (Phase.moments, .exact): momentReduction
    default: nil
    }
  }

  final func finish(_ phase: Int, kernels: KernelTable) -> StepVerdict {
    switch phase {
    case Phase.moments: return decide()
    case Phase.update:
      return leavesInfinity() ? .nonFinite : .proceed
    default: return .proceed
    }
  }

  /// Decides the step size and the clip factor, or requests another pass first.
  private func decide() -> StepVerdict {
    if case .range(let updateSquares) = pass {
      decision.isFinite = !overflows(largest: largest.pointee, updateSquares: updateSquares)
      return decision.isFinite ? .proceed : .nonFinite
    }
    let (squares, updateSquares, error) = sums()
    let count = extent.partition.elementCount
    if let error, let next = nextPass(updateSquares, error: error, count: count) {
      pass = next
      if case .exact = next { kernels = exactKernels }
      return .again
    }
    // Of a tensor that is shared, sums that were known have been added up again.
    let knownSquares = isShared ? squares : tensor.squaresBefore ?? squares
    decision = hyperparameters.decide(
      squares: knownSquares, updateSquares: updateSquares, count: count, in: arithmetic)
    change.shrinkage = hyperparameters.weightDecay * decision.stepSize
    if decision.isFinite && layout.needsVerdict {
      // Processes that share the tensor must decide alike, and squares may be known to one of them only.
      let knowsSquares =
        isShared ? hyperparameters.leastScale != nil : tensor.squaresBefore != nil || needsSquares
      if mayOverflow(squares: knowsSquares ? knownSquares : nil, updateSquares: updateSquares) {
        largest.pointee = tensor.parameter.reading.largestMagnitude(extent.elementCount)
        if isShared {
          pass = .range(updateSquares: updateSquares)
          return .again
        }
        decision.isFinite = !overflows(largest: largest.pointee, updateSquares: updateSquares)
      }
    }
    return decision.isFinite ? .proceed : .nonFinite
  }

  /// Whether the rate or the decay is so extreme that the parameter must be read: its largest element decides.
  private func mayOverflow(squares: Double?, updateSquares: Double) -> Bool {
    let (greatest, norm) = (layout.scalarType.greatestFiniteMagnitude, squares?.squareRoot() ?? .infinity)
    return
      !(change.shrinkage * min(greatest, norm) <= arithmetic.greatestFiniteMagnitude
      && largeUpdate(updateSquares) <= greatest)
  }

  /// Whether a finite element of the parameter is certain to become infinite: because the decay makes the largest element
  /// infinite, or because the update does, since at least one of its elements is as large as the root mean square.
  private func overflows(largest: Double, updateSquares: Double) -> Bool {
    let shrinkage = change.shrinkage
    return largest.isFinite
      && (shrinkage * largest > arithmetic.greatestFiniteMagnitude
        || largeUpdate(updateSquares) - (1 + shrinkage) * largest > layout.scalarType.greatestFiniteMagnitude)
  }

  /// A magnitude that at least one element of the update has: its root mean square. Averages with earlier updates may be
  /// smaller.
  private func largeUpdate(_ updateSquares: Double) -> Double {
    let count = Double(max(1, extent.partition.elementCount))
    return change.momentum == nil ? decision.factor * (updateSquares / count).squareRoot() : 0
  }

  /// Computes the sum of squares after the update, and returns whether an element of the parameter is infinite.
  private func leavesInfinity() -> Bool {
    if extent.blocks.isEmpty { writeWithoutBlocks() }
    let blocks = squaresAfterByBlock
    let squares = sum(blocks, extent.blocks.count)
    squaresAfter = squares
    if isShared { subtreeSquares = subtrees.map { sum(blocks + $0.lowerBound, $0.count) } }
    return !squares.isFinite && tensor.parameter.reading.holdInfinity(extent.elementCount)
  }

  /// Returns the next pass, or nil if the sums can be relied on.
  private func nextPass(_ updateSquares: Double, error: Double, count: Int) -> Pass? {
    switch pass {
    case .fast where isReliable(updateSquares, error: error, count: count): nil
    case .fast where updateSquares.isFinite && error.isFinite:
      .search(
        bound: mostUnits(updateSquares, count: count) / Double(max(1, count / extent.partition.columns)))
    case .fast: .exact
    case .search: unsettled!.total.pointee == 0 ? nil : .exact
    case .exact, .range: nil
    }
  }

  /// Runs all phases in order, without dispatching by phase number: for a small tensor that would be half of the step.
  final func runAlone(
    scratch: UnsafeMutableRawPointer, kernels: KernelTable, writesNonFinite: Bool
  ) -> (isFinite: Bool, isWritten: Bool) {
    let blockCount = extent.blocks.count
    var verdict: StepVerdict
    repeat {
      for block in 0..<blockCount { readBlock(block, scratch) }
      for part in 0..<foldCount { fold(part, in: Phase.statistics) }
      for task in 0..<momentTaskCount where takesStatistics { completeMoments(task) }
      verdict = decide()
    } while verdict == .again
    let isFinite = verdict == .proceed
    guard isFinite || writesNonFinite else { return (false, false) }
    for block in 0..<blockCount { write(block, scratch) }
    return (!leavesInfinity() && isFinite, true)
  }

  // MARK: State

  final var anyState: (any ParameterState)? {
    get { hasState ? state : nil }
    set {
      state = newValue.map { $0 as! AdafactorState } ?? AdafactorState(step: 0)
      hasState = newValue != nil
    }
  }

  // Without a copy of the state, which costs as much as half the step of a small tensor.
  final var stepCount: Int { hasState ? state.step : 0 }
  final var rootMeanSquare: Double? { hasState ? state.rootMeanSquare : nil }

  final func begin(_ tensor: SteppedTensor) {
    self.tensor = tensor
    if isShared && subtreeSquares.count != subtrees.count { self.tensor.squaresBefore = nil }
    switch pass {
    case .exact, .range: kernels = table.adafactor[layout.scalarType, layout.gradientType]
    case .fast, .search: break
    }
    pass = .fast
    let options = group.storage
    if !hasState {
      state = options.pointee.initialState(shape: layout.shape, scalarType: layout.scalarType)
      hasState = true
      added.state = true
    }
    let step = state.step + 1
    hyperparameters = AdafactorHyperparameters(options.pointee, step: step)
    bindMoments(of: &state)
    change = ParameterChange(shrinkage: 0)
    if let beta1 = hyperparameters.beta1 {
      if state.firstMoments == nil {
        state.firstMoments = Tensor(zeros: layout.shape, as: arithmetic)
        added.momentum = true
      }
      change.momentum = (state.firstMoments!.mutableElements(), beta1)
    }
    if layout.scalarType.hasResidual {
      let rounding = options.pointee.rounding
      if rounding == .compensated && state.residual == nil {
        state.residual = Tensor(zeros: layout.shape, as: layout.scalarType)
        added.residual = true
      }
      change.rounding = rounding.rounding(
        nameHash: nameHash, step: step, seed: options.pointee.roundingSeed,
        residual: rounding == .compensated ? state.residual?.mutableElements() : nil
      ).startingAt(extent.firstElement)
    }
  }

  final func commit() {
    state.step += 1
    state.rootMeanSquare = decision.rootMeanSquare
    // This step did not take the residual into account, so it no longer belongs to the values.
    if layout.scalarType.hasResidual && group.storage.pointee.rounding != .compensated {
      state.residual = nil
    }
    added = (false, false, false)
  }

  final func discard() {
    if added.state { anyState = nil }
    if added.momentum { state.firstMoments = nil }
    if added.residual { state.residual = nil }
    added = (false, false, false)
  }

  // MARK: Tools for the block forms

  /// The kernels with statistics in Double, which few tensors need.
  final var exactKernels: AdafactorKernels { table.exactAdafactor[layout.scalarType, layout.gradientType] }

  /// Whether Σ u² of `count` elements is right to 10⁻⁶, or so small that nothing is clipped either way.
  ///
  /// Squares, and their quotients by the moments that are complete first, lose digits if they are subnormal: at most one
  /// unit of the smallest subnormal number each. The error of Σ u² is then at most `error` units: mean R (Σ 1/R + n) Σ 1/C
  /// if R is complete first. If any sum overflows, the error or Σ u² is infinite or NaN.
  final func isReliable(_ updateSquares: Double, error: Double, count: Int) -> Bool {
    updateSquares.isFinite && error <= mostUnits(updateSquares, count: count)
  }

  /// The largest error of Σ u² that does not matter, in units of the smallest subnormal number.
  private func mostUnits(_ updateSquares: Double, count: Int) -> Double {
    let threshold = hyperparameters.clipThreshold
    return 1e-6 * max(updateSquares, Double(count) * threshold * threshold) / arithmetic.leastNonzeroMagnitude
  }

  /// Whether every row of a piece is 0, or its share of the error of Σ u² is within a bound.
  final func isSettled(
    _ piece: GradientPiece, rowMoments: Elements, mean: Double, columnInverses: Double, bound: Double
  ) -> Bool {
    let inverses = mean * (columnInverses + Double(extent.partition.columns))
    return (0..<piece.rows).allSatisfy { row in
      (1 / rowMoments.moment(row) + 1) * inverses <= bound
        || piece.elements.advanced(by: row * piece.stride).areZero(piece.columns)
    }
  }

  /// Whether every row of a whole matrix is 0, or its share of the error of Σ u² is small enough.
  final func isSettled(
    _ piece: GradientPiece, rowMoments: Elements, mean: Double, columnInverses: Double, updateSquares: Double
  ) -> Bool {
    let count = piece.rows * piece.columns
    return updateSquares.isFinite
      && isSettled(
        piece, rowMoments: rowMoments, mean: mean, columnInverses: columnInverses,
        bound: mostUnits(updateSquares, count: count) / Double(piece.rows))
  }

  /// Returns Σ x / total and Σ 1 / x over moments; the latter is NaN if a moment is not finite.
  final func survey(
    _ moments: Elements, _ count: Int, total: Int
  ) -> (mean: Double, inverses: Double) {
    let sum = kernels.sum(moments, count)
    // The sum of finite moments may exceed the range of their type.
    let mean =
      sum.isFinite
      ? sum / Double(total) : (0..<count).reduce(0) { $0 + moments.moment($1) / Double(total) }
    return (mean, mean.isFinite ? kernels.inverseSum(moments, count) : .nan)
  }

  /// α / max(1, RMS(U)/d), the factor of the unclipped update.
  final var factor: Double { decision.factor }

  /// Whether Σ p² before the step is needed but not known.
  final var needsSquares: Bool { hyperparameters.leastScale != nil && tensor.squaresBefore == nil }

  /// Returns the moving average for sums of `count` squares.
  final func average(count: Int) -> MomentAverage {
    MomentAverage(
      decay: hyperparameters.decay, weight: hyperparameters.weight, epsilon: hyperparameters.epsilon,
      count: count)
  }

  /// Returns the gradient's elements from `offset` on.
  final func piece(_ offset: Int, rows: Int, columns: Int) -> GradientPiece {
    GradientPiece(
      tensor.gradient.advanced(by: offset), scale: tensor.gradientScale, rows: rows, columns: columns,
      stride: extent.stride, mayComeFromMemory: layout.mayComeFromMemory)
  }

  /// Returns the change of the elements from `offset` on.
  final func change(at offset: Int) -> ParameterChange { change.advanced(by: offset) }

  /// Writes Σ p² of each subtree before the step, `stride` numbers apart, from sums of the blocks.
  final func foldSquares(
    _ squares: UnsafeMutablePointer<Double>, into totals: UnsafeMutablePointer<Double>, stride: Int
  ) {
    if !isShared {
      totals[0] = needsSquares ? sum(squares, extent.blocks.count) : 0
      return
    }
    let isKnown = tensor.squaresBefore != nil
    for (index, blocks) in subtrees.enumerated() {
      totals[index * stride] =
        isKnown
        ? subtreeSquares[index] : needsSquares ? sum(squares + blocks.lowerBound, blocks.count) : 0
    }
  }

  /// Returns Σ p² of `rows` × `columns` elements from `offset` on, with the same bits that their update returns.
  final func sumOfSquares(_ offset: Int, rows: Int, columns: Int, stride: Int) -> Double {
    kernels.sumOfSquares(tensor.parameter.reading.advanced(by: offset), rows, columns, stride)
  }

  /// Copies new moments into the state.
  final func commit(_ new: MutableElements, to state: MutableElements, count: Int) {
    state.address.copyMemory(from: new.address, byteCount: count * arithmetic.byteCount)
  }
}

extension Extent {
  /// Each maximal subtree within blocks or matrices of this process, counted from the first of them.
  func subtrees(of range: Range<Int>, count: Int) -> [Range<Int>] {
    SumTree.subtrees(of: range, count: count).map {
      $0.lowerBound - range.lowerBound..<$0.upperBound - range.lowerBound
    }
  }
}

extension Elements {
  /// Whether the first `count` elements are +0 or −0.
  fileprivate func areZero(_ count: Int) -> Bool {
    func areZero<Bits: FixedWidthInteger>(_: Bits.Type) -> Bool {
      var set: Bits = 0
      for index in 0..<count {
        set |= address.loadUnaligned(fromByteOffset: index * MemoryLayout<Bits>.size, as: Bits.self)
      }
      return set << 1 == 0
    }
    return switch type.byteCount {
    case 2: areZero(UInt16.self)
    case 4: areZero(UInt32.self)
    default: areZero(UInt64.self)
    }
  }

  /// Returns an element of an arithmetic type as Double.
  func moment(_ index: Int) -> Double {
    type == .float64
      ? address.load(fromByteOffset: 8 * index, as: Double.self)
      : Double(address.load(fromByteOffset: 4 * index, as: Float.self))
  }
}

import KernelInterface
import Tensors

/// The prepared AdamW step of one parameter. Its phase is the update of blocks of elements. If the gradient must be
/// checked first, a phase for that precedes it.
final class AdamWStep: PreparedStep {
  private let group: RuleGroup<AdamWOptions>
  private let layout: StepLayout
  private let extent: Extent
  private let kernels: AdamWKernels
  private let nameHash: UInt64

  private var state: AdamWState
  private var hasState: Bool
  private var added: (state: Bool, maximum: Bool, residual: Bool) = (false, false, false)

  // This step.
  private var tensor: SteppedTensor
  private var factors: AdamWFactors
  private var moments: AdamWMoments
  private var change = ParameterChange(shrinkage: 0)
  /// Whether this step's update, if its squares are finite, leaves every finite element of the parameter finite.
  private var keepsRange = true
  /// Per block: 1 if a square or a written value is not finite. Their sum comes first.
  private var nonFiniteBlocks: UnsafeMutablePointer<Double>
  /// Whether a step under another policy wrote moments that are not finite. No gradient can make them finite again.
  private var isPoisoned = false

  init(
    _ group: RuleGroup<AdamWOptions>, _ layout: StepLayout, state: AdamWState?, kernels: AdamWKernels
  ) {
    self.group = group
    self.layout = layout
    hasState = state != nil
    self.state = state ?? Self.noState
    self.kernels = kernels
    // Every element is updated by itself: a part of a tensor has blocks of its own.
    extent = Extent(BlockPartition(dimensions: layout.shape.dimensions, factored: false))
    nameHash = Rounding.hash(ofName: layout.name)
    factors = group.rule.factors(at: 1)
    var nothing = ScratchAllocator()
    let none = nothing.elements(0, layout.scalarType)
    tensor = SteppedTensor(
      parameter: none, gradient: Elements(none.address, layout.gradientType), gradientScale: 1)
    moments = AdamWMoments(first: none, second: none, maximum: nil)
    nonFiniteBlocks = nothing.doubles(0)
    // Under another policy, earlier steps may have reported such moments but written them anyway.
    if layout.needsVerdict && hasState {
      do { try self.state.checkValues(of: layout.name) } catch { isPoisoned = true }
    }
  }

  // MARK: State

  private static let noState = AdamWState(step: 0, tensors: [:], numbers: [:])

  var anyState: (any ParameterState)? {
    get { hasState ? state : nil }
    set {
      state = newValue.map { $0 as! AdamWState } ?? Self.noState
      hasState = newValue != nil
      isPoisoned = false
    }
  }

  // Without a copy of the state.
  var stepCount: Int { hasState ? state.step : 0 }
  var rootMeanSquare: Double? { nil }

  func begin(_ tensor: SteppedTensor) {
    self.tensor = tensor
    let options = group.storage
    if !hasState {
      state = options.pointee.initialState(shape: layout.shape, scalarType: layout.scalarType)
      hasState = true
      added.state = true
    }
    let step = state.step + 1
    factors = options.pointee.factors(at: step)
    if options.pointee.maximize { self.tensor.gradientScale.negate() }
    moments = AdamWMoments(
      first: state.firstMoments.mutableElements(), second: state.secondMoments.mutableElements(), maximum: nil
    )
    if options.pointee.amsgrad {
      if state.maximum == nil {
        state.maximum = Tensor(zeros: layout.shape, as: layout.scalarType.arithmeticType)
        added.maximum = true
      }
      moments.maximum = state.maximum!.mutableElements()
    }
    change = ParameterChange(shrinkage: options.pointee.learningRate * options.pointee.weightDecay)
    if layout.needsVerdict { keepsRange = updateKeepsRange() }
    if layout.scalarType.hasResidual {
      let rounding = options.pointee.rounding
      if rounding == .compensated && state.residual == nil {
        state.residual = Tensor(zeros: layout.shape, as: layout.scalarType)
        added.residual = true
      }
      change.rounding = rounding.rounding(
        nameHash: nameHash, step: step, seed: options.pointee.roundingSeed,
        residual: rounding == .compensated ? state.residual?.mutableElements() : nil)
    }
  }

  func commit() {
    state.step += 1
    if layout.scalarType.hasResidual && group.storage.pointee.rounding != .compensated {
      state.residual = nil
    }
    added = (false, false, false)
  }

  func discard() {
    if added.state { anyState = nil }
    if added.maximum { state.maximum = nil }
    if added.residual { state.residual = nil }
    added = (false, false, false)
  }

  // MARK: Phases

  var elementCount: Int { extent.elementCount }
  var phaseCount: Int { firstWritingPhase + 1 }
  var firstWritingPhase: Int { layout.needsVerdict ? 1 : 0 }

  var workspaceByteCount: Int {
    var measured = ScratchAllocator()
    _ = measured.doubles(1 + extent.blocks.count)
    return measured.byteCount
  }

  func bindWorkspace(_ address: UnsafeMutableRawPointer) {
    var memory = ScratchAllocator(address)
    nonFiniteBlocks = memory.doubles(1 + extent.blocks.count)
  }

  func taskCount(in phase: Int) -> Int { extent.blocks.count }

  func run(_ task: Int, in phase: Int, scratch: UnsafeMutableRawPointer) {
    let start = task * extent.partition.blockLength
    let count = min(extent.partition.blockLength, extent.elementCount - start)
    let piece = GradientPiece(
      tensor.gradient.advanced(by: start), scale: tensor.gradientScale, rows: 1, columns: count, stride: count
    )
    if phase == firstWritingPhase {
      var isFinite = true
      layout.forEachDraw(change.rounding, start..<start + count) { run, rounding in
        var piece = piece
        piece.elements = piece.elements.advanced(by: run.lowerBound - start)
        piece.columns = run.count
        var change = change.advanced(by: run.lowerBound)
        change.rounding = rounding
        if !kernels.update(
          tensor.parameter.advanced(by: run.lowerBound), piece, moments.advanced(by: run.lowerBound), factors,
          change)
        {
          isFinite = false
        }
      }
      nonFiniteBlocks[1 + task] = isFinite ? 0 : 1
    } else {
      // If ε is 0, an update can be 0 / 0 or m / 0 even though every square is finite. Otherwise only the gradient is
      // read, unless the rate or the decay is extreme.
      let isFinite =
        epsilonVanishes || !keepsRange
        ? kernels.updateIsFinite(
          tensor.parameter.reading.advanced(by: start), piece, moments.advanced(by: start), factors,
          change.shrinkage)
        : kernels.squaresAreFinite(piece)
      nonFiniteBlocks[1 + task] = isFinite ? 0 : 1
    }
  }

  /// Whether ε is 0 in the arithmetic type.
  private var epsilonVanishes: Bool {
    layout.scalarType.arithmeticType == .float64 ? factors.epsilon == 0 : Float(factors.epsilon) == 0
  }

  /// Whether the update is too small to make a finite element infinite.
  ///
  /// |m| / √v is at most (1 − β₁) / √((1 − β₂)(1 − β₁² / β₂)), by the Cauchy–Schwarz inequality, and |m| is at most the
  /// largest gradient with a finite square.
  private func updateKeepsRange() -> Bool {
    let (beta1, beta2) = (factors.beta1, factors.beta2)
    let largest = layout.scalarType.arithmeticType.greatestFiniteMagnitude.squareRoot()
    let ratio =
      beta1 * beta1 < beta2
      ? (1 - beta1) / ((1 - beta2) * (1 - beta1 * beta1 / beta2)).squareRoot() : .infinity
    // If the factors are infinite, this is NaN, which is no bound.
    return change.shrinkage <= 1
      && factors.factor * min(ratio, largest / factors.epsilon) < layout.scalarType.leastThatOverflows
  }

  func foldCount(in phase: Int) -> Int { phase == firstWritingPhase ? 0 : 1 }

  func fold(_ part: Int, in phase: Int) {
    nonFiniteBlocks[0] = sum(nonFiniteBlocks + 1, extent.blocks.count) + (isPoisoned ? 1 : 0)
  }

  func reduction(after phase: Int) -> StepReduction? {
    phase == firstWritingPhase ? nil : StepReduction(nonFiniteBlocks, length: 1, .count)
  }

  func finish(_ phase: Int, kernels: KernelTable) -> StepVerdict {
    if phase < firstWritingPhase { return nonFiniteBlocks[0] == 0 ? .proceed : .nonFinite }
    return sum(nonFiniteBlocks + 1, extent.blocks.count) == 0 ? .proceed : .nonFinite
  }
}

import KernelInterface
import Tensors

/// The prepared AdamW step of one parameter: one phase, the update, on blocks of elements; and a phase before it if the
/// gradient must be judged first.
final class AdamWStep: PreparedStep {
  private let group: RuleGroup<AdamWOptions>
  private let layout: StepLayout
  private let extent: Extent
  private let kernels: AdamWKernels
  private let nameHash: UInt64

  private var state: AdamWState?
  private var added: (state: Bool, maximum: Bool, residual: Bool) = (false, false, false)

  // This step.
  private var tensor: SteppedTensor
  private var factors: AdamWFactors
  private var moments: AdamWMoments
  private var change = ParameterChange(shrinkage: 0)
  /// Per block: 1 if a square is not finite. Their sum is the first number.
  private var nonFiniteBlocks: UnsafeMutablePointer<Double>

  init(
    _ group: RuleGroup<AdamWOptions>, _ layout: StepLayout, state: AdamWState?, kernels: AdamWKernels,
    blocks: Range<Int>? = nil
  ) {
    self.group = group
    self.layout = layout
    self.state = state
    self.kernels = kernels
    extent = Extent(BlockPartition(dimensions: layout.shape.dimensions, factored: false), blocks: blocks)
    nameHash = Rounding.hash(ofName: layout.name)
    factors = group.rule.factors(at: 1)
    var nothing = ScratchAllocator()
    let none = nothing.elements(0, layout.scalarType)
    tensor = SteppedTensor(
      parameter: none, gradient: Elements(none.address, layout.gradientType), gradientScale: 1)
    moments = AdamWMoments(first: none, second: none, maximum: nil)
    nonFiniteBlocks = nothing.doubles(0)
  }

  // MARK: State

  var anyState: (any ParameterState)? {
    get { state }
    set { state = newValue.map { $0 as! AdamWState } }
  }

  func begin(_ tensor: SteppedTensor) {
    self.tensor = tensor
    let options = group.rule
    if state == nil {
      state = options.initialState(shape: layout.shape, scalarType: layout.scalarType)
      added.state = true
    }
    if options.amsgrad && state!.maximum == nil {
      state!.maximum = Tensor(zeros: layout.shape, as: layout.scalarType.arithmeticType)
      added.maximum = true
    }
    if options.rounding.keepsResidual(of: layout.scalarType) && state!.residual == nil {
      state!.residual = Tensor(zeros: layout.shape, as: layout.scalarType)
      added.residual = true
    }
    let step = state!.step + 1
    factors = options.factors(at: step)
    if options.maximize { self.tensor.gradientScale.negate() }
    moments = AdamWMoments(
      first: state!.firstMoments.mutableElements(), second: state!.secondMoments.mutableElements(),
      maximum: options.amsgrad ? state!.maximum?.mutableElements() : nil)
    change = ParameterChange(
      shrinkage: options.learningRate * options.weightDecay,
      rounding: options.rounding.rounding(
        nameHash: nameHash, step: step, seed: options.roundingSeed,
        residual: options.rounding == .compensated ? state!.residual?.mutableElements() : nil))
  }

  func commit() {
    state!.step += 1
    if group.rule.rounding != .compensated { state!.residual = nil }
    added = (false, false, false)
  }

  func discard() {
    if added.state { state = nil }
    if added.maximum { state?.maximum = nil }
    if added.residual { state?.residual = nil }
    added = (false, false, false)
  }

  /// Nil: no later step needs it.
  var squaresAfter: Double? { nil }

  // MARK: Phases

  var elementCount: Int { extent.elementCount }
  var phaseCount: Int { firstWritingPhase + 1 }
  var firstWritingPhase: Int { layout.needsVerdict ? 1 : 0 }
  var scratchByteCount: Int { 0 }

  var workspaceByteCount: Int {
    var measured = ScratchAllocator()
    _ = measured.doubles(1 + extent.blocks.count)
    return layout.needsVerdict ? measured.byteCount : 0
  }

  func bindWorkspace(_ address: UnsafeMutableRawPointer) {
    var memory = ScratchAllocator(address)
    nonFiniteBlocks = memory.doubles(1 + extent.blocks.count)
  }

  func taskCount(in phase: Int) -> Int { extent.blocks.count }

  func run(_ task: Int, in phase: Int, scratch: UnsafeMutableRawPointer) {
    let block = extent.partition[extent.blocks.lowerBound + task]
    let (start, count) = (extent.offset(of: block), block.columns.count)
    let piece = GradientPiece(
      tensor.gradient.advanced(by: start), scale: tensor.gradientScale, rows: 1, columns: count, stride: count)
    if phase == firstWritingPhase {
      kernels.update(
        tensor.parameter.advanced(by: start), piece, moments.advanced(by: start), factors,
        change.advanced(by: start))
    } else {
      nonFiniteBlocks[1 + task] = kernels.squaresAreFinite(piece) ? 0 : 1
    }
  }

  func foldCount(in phase: Int) -> Int { phase == firstWritingPhase ? 0 : 1 }

  func fold(_ part: Int, in phase: Int) {
    nonFiniteBlocks[0] = sum(nonFiniteBlocks + 1, extent.blocks.count)
  }

  func reduction(after phase: Int) -> UnsafeMutableBufferPointer<Double> {
    phase == firstWritingPhase ? .init(start: nil, count: 0) : .init(start: nonFiniteBlocks, count: 1)
  }

  func finish(_ phase: Int, kernels: KernelTable) -> StepVerdict {
    phase == firstWritingPhase || nonFiniteBlocks[0] == 0 ? .proceed : .nonFinite
  }
}

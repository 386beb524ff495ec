import KernelInterface
import Tensors

/// The step of an elementwise rule: on blocks, in tiles that stay in the first-level cache.
final class ElementwiseRuleStep<Rule: ElementwiseRule>: PreparedStep {
  private let group: RuleGroup<Rule>
  private let layout: StepLayout
  private let partition: BlockPartition
  private let kernels: KernelTable
  private let nameHash: UInt64
  private var state: MomentState?
  private var addedState = false
  private var addedMoments: [String] = []
  private var addedResidual = false

  // This step.
  private var tensor: SteppedTensor?
  private var moments: [MutableElements] = []
  private var rounding = ParameterRounding.nearest
  /// Whether this step looks for infinities in its results. Doing so in every step would take a quarter more time in the
  /// cache.
  private var looksForInfinities = false
  /// Per block: whether its gradient is finite and, after the update, whether its parameter has no infinity.
  private let blocksAreFinite: UnsafeMutableBufferPointer<Bool>
  /// The number of blocks whose gradient is not finite, here and in processes that share the tensor.
  private let nonFiniteCount = UnsafeMutablePointer<Double>.allocate(capacity: 1)

  /// The number of elements in a tile: 8 KB of Float.
  private static var tileElements: Int { 2048 }

  init(_ group: RuleGroup<Rule>, _ layout: StepLayout, state: MomentState?, kernels: KernelTable) {
    self.group = group
    self.layout = layout
    self.state = state
    self.kernels = kernels
    partition = BlockPartition(dimensions: layout.shape.dimensions, factored: false)
    nameHash = Rounding.hash(ofName: layout.name)
    blocksAreFinite = .allocate(capacity: partition.blockCount)
    blocksAreFinite.initialize(repeating: true)
  }

  deinit {
    blocksAreFinite.deallocate()
    nonFiniteCount.deallocate()
  }

  // MARK: State

  var anyState: (any ParameterState)? {
    get { state }
    set { state = newValue.map { $0 as! MomentState } }
  }

  var stepCount: Int { state?.step ?? 0 }
  var rootMeanSquare: Double? { nil }

  func begin(_ tensor: SteppedTensor) {
    self.tensor = tensor
    let rule = group.rule
    if state == nil {
      state = rule.initialState(shape: layout.shape, scalarType: layout.scalarType.arithmeticType)
      addedState = true
    }
    addedMoments = rule.addMissingMoments(to: &state!, shape: layout.shape, scalarType: layout.scalarType)
    if rule.rounding.keepsResidual(of: layout.scalarType) && state!.tensors[residualName] == nil {
      state!.tensors[residualName] = Tensor(zeros: layout.shape, as: layout.scalarType)
      addedResidual = true
    }
    moments = rule.usedMomentNames.map { state!.tensors[$0]!.mutableElements() }
    let rate = rule.learningRate.constant ?? .infinity
    looksForInfinities = layout.scalarType == .float16 || !(rate <= 1 && rate * rule.weightDecay <= 1)
    rounding = rule.rounding.rounding(
      nameHash: nameHash, step: state!.step + 1, seed: rule.roundingSeed,
      residual: rule.rounding == .compensated ? state!.tensors[residualName]?.mutableElements() : nil)
  }

  func commit() {
    state!.step += 1
    if group.rule.rounding != .compensated { state!.tensors[residualName] = nil }
    (addedState, addedMoments, addedResidual) = (false, [], false)
  }

  func discard() {
    if addedState { state = nil }
    for name in addedMoments { state?.tensors[name] = nil }
    if addedResidual { state?.tensors[residualName] = nil }
    (addedState, addedMoments, addedResidual) = (false, [], false)
  }

  // MARK: Phases

  var elementCount: Int { partition.elementCount }
  var phaseCount: Int { firstWritingPhase + 1 }
  var firstWritingPhase: Int { layout.needsVerdict ? 1 : 0 }
  func taskCount(in phase: Int) -> Int { partition.blockCount }

  func run(_ task: Int, in phase: Int, scratch: UnsafeMutableRawPointer) {
    let elements = partition[task].columns
    if phase == 0 {
      let piece = GradientPiece(
        tensor!.gradient.advanced(by: elements.lowerBound), scale: tensor!.gradientScale, rows: 1,
        columns: elements.count, stride: elements.count)
      blocksAreFinite[task] = kernels.adamW[layout.scalarType, layout.gradientType].squaresAreFinite(piece)
    }
    if phase == firstWritingPhase {
      let keepsRange =
        layout.scalarType == .float64 ? update(elements, Double.self) : update(elements, Float.self)
      blocksAreFinite[task] = keepsRange && (phase > 0 || blocksAreFinite[task])
    }
  }

  func foldCount(in phase: Int) -> Int { 1 }

  func fold(_ part: Int, in phase: Int) {
    nonFiniteCount.pointee = Double(blocksAreFinite.count { !$0 })
  }

  func reduction(after phase: Int) -> StepReduction? {
    phase == firstWritingPhase ? nil : StepReduction(nonFiniteCount, length: 1, .count)
  }

  func finish(_ phase: Int, kernels: KernelTable) -> StepVerdict {
    nonFiniteCount.pointee == 0 ? .proceed : .nonFinite
  }

  /// Updates elements by the rule, one tile after another, and returns whether none of them is infinite afterwards.
  private func update<Scalar: ArithmeticScalar>(_ elements: Range<Int>, _: Scalar.Type) -> Bool {
    let sumOfSquares = kernels.adafactor[layout.scalarType, layout.gradientType].sumOfSquares
    var keepsRange = true
    let (tensor, linearAlgebra) = (tensor!, Scalar.linearAlgebra(of: kernels))
    let read = Scalar.reading(of: kernels)
    let momentsAreNew = !addedMoments.isEmpty || state!.step == 0
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: 2 * Self.tileElements) { memory in
      let gradient = memory.baseAddress!
      for start in stride(from: elements.lowerBound, to: elements.upperBound, by: Self.tileElements) {
        let count = min(Self.tileElements, elements.upperBound - start)
        read(tensor.gradient.advanced(by: start), count, gradient)
        if tensor.gradientScale != 1 { linearAlgebra.scale(gradient, count, Scalar(tensor.gradientScale)) }
        let target = tensor.parameter.advanced(by: start)
        let isConverted = target.type != Scalar.scalarType
        // The caller's memory may have any alignment.
        let isInPlace =
          !isConverted && UInt(bitPattern: target.address) % UInt(MemoryLayout<Scalar>.alignment) == 0
        let values =
          isInPlace
          ? target.address.assumingMemoryBound(to: Scalar.self) : gradient + Self.tileElements
        let byteCount = count * MemoryLayout<Scalar>.stride
        if isConverted {
          unround(target.reading, at: start, count, UnsafeMutableRawPointer(values))
        } else if !isInPlace {
          UnsafeMutableRawPointer(values).copyMemory(from: target.address, byteCount: byteCount)
        }
        group.rule.updateBlock(
          ElementBlock(
            parameter: UnsafeMutableBufferPointer(start: values, count: count),
            gradient: UnsafeBufferPointer(start: gradient, count: count),
            moments: moments.map {
              UnsafeMutableBufferPointer(
                start: $0.advanced(by: start).address.assumingMemoryBound(to: Scalar.self), count: count)
            }, momentsAreNew: momentsAreNew), step: state!.step + 1)
        if isConverted {
          round(UnsafeRawPointer(values), at: start, count, target)
        } else if !isInPlace {
          target.address.copyMemory(from: values, byteCount: byteCount)
        }
        // The tile is still in the first-level cache.
        if looksForInfinities, !sumOfSquares(target.reading, 1, count, count).isFinite,
          target.reading.holdInfinity(count)
        {
          keepsRange = false
        }
      }
    }
    return keepsRange
  }

  /// Converts elements of a 16-bit parameter to Float.
  private func unround(
    _ elements: Elements, at start: Int, _ count: Int, _ values: UnsafeMutableRawPointer
  ) {
    kernels.conversion.unround(
      elements, rounding.advanced(by: start), count, values.assumingMemoryBound(to: Float.self))
  }

  /// Rounds values to elements of a 16-bit parameter.
  private func round(_ values: UnsafeRawPointer, at start: Int, _ count: Int, _ elements: MutableElements) {
    layout.forEachDraw(rounding, start..<start + count) { run, rounding in
      let place = run.lowerBound - start
      kernels.conversion.round(
        values.assumingMemoryBound(to: Float.self) + place, rounding, run.count,
        elements.advanced(by: place))
    }
  }
}

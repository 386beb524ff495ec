import Backends
import KernelInterface
import Tensors

/// The step of a rule that updates whole tensors: one task, or two phases if the gradient must be checked first.
final class TensorRuleStep<Rule: UpdateRule>: PreparedStep {
  private let group: RuleGroup<Rule>
  private let layout: StepLayout
  private let kernels: KernelTable
  private let backend: Backend
  private let nameHash: UInt64
  /// The state without the residual, which the rule doesn't see.
  private var state: Rule.State?
  private var residual: Tensor?
  private var addedState = false
  private var addedResidual = false
  private var tensor: SteppedTensor?
  private var gradientIsFinite = true
  /// Whether the parameter has no infinity after the last update.
  private var keepsRange = true

  init(
    _ group: RuleGroup<Rule>, _ layout: StepLayout, state: Rule.State?, kernels: KernelTable,
    backend: Backend
  ) {
    self.group = group
    self.layout = layout
    self.kernels = kernels
    self.backend = backend
    nameHash = Rounding.hash(ofName: layout.name)
    anyState = state
  }

  var anyState: (any ParameterState)? {
    get {
      guard let residual, let state else { return state }
      return Rule.State(
        step: state.step, tensors: state.tensors.merging([residualName: residual]) { $1 },
        numbers: state.numbers)
    }
    set {
      state = newValue.map { $0 as! Rule.State }
      residual = roundedRule == nil ? nil : state?.tensors[residualName]
      guard residual != nil, let whole = state else { return }
      state = Rule.State(
        step: whole.step, tensors: whole.tensors.filter { $0.key != residualName }, numbers: whole.numbers)
    }
  }

  /// The rule, if it defines the rounding of 16-bit parameters.
  private var roundedRule: (any RoundedRule)? { group.rule as? any RoundedRule }

  func begin(_ tensor: SteppedTensor) {
    self.tensor = tensor
    if state == nil {
      state = group.rule.initialState(shape: layout.shape, scalarType: layout.scalarType.arithmeticType)
      addedState = true
    }
    if roundedRule?.rounding.keepsResidual(of: layout.scalarType) == true && residual == nil {
      residual = Tensor(zeros: layout.shape, as: layout.scalarType)
      addedResidual = true
    }
  }

  func commit() {
    tensor = nil
    if roundedRule?.rounding != .compensated { residual = nil }
    (addedState, addedResidual) = (false, false)
  }

  func discard() {
    tensor = nil
    if addedState { state = nil }
    if addedResidual { residual = nil }
    (addedState, addedResidual) = (false, false)
  }

  // MARK: Phases

  var elementCount: Int { layout.shape.elementCount }
  /// OpenBLAS multiplies smaller matrices on the calling thread.
  var multipliesLargeMatrices: Bool { Rule.multipliesMatrices && elementCount > 64 * 64 }
  var phaseCount: Int { layout.needsVerdict ? 2 : 1 }
  var firstWritingPhase: Int { layout.needsVerdict ? 1 : 0 }
  func taskCount(in phase: Int) -> Int { 1 }

  func run(_ task: Int, in phase: Int, scratch: UnsafeMutableRawPointer) {
    if phase == 0 {
      let piece = GradientPiece(
        tensor!.gradient, scale: tensor!.gradientScale, rows: 1, columns: elementCount, stride: elementCount)
      gradientIsFinite = kernels.adamW[layout.scalarType, layout.gradientType].squaresAreFinite(piece)
    }
    // A task-local backend would not be visible on the threads of the engine.
    Backend.withDefault(backend) {
      if phase < firstWritingPhase && Rule.self is any EigenbasisRule.Type {
        gradientIsFinite = gradientIsFinite && scaledGradient.hasFiniteSquares
      }
      if phase == firstWritingPhase { update(tensor!) }
    }
  }

  func finish(_ phase: Int, kernels: KernelTable) -> StepVerdict {
    phase == 0 && !gradientIsFinite || phase == firstWritingPhase && !keepsRange ? .nonFinite : .proceed
  }

  /// Updates the parameter by the rule: either its own tensor, or a copy of the caller's memory.
  ///
  /// The copy is necessary because the rule may keep the parameter and the gradient in its state.
  private func update(_ tensor: SteppedTensor) {
    let gradient = scaledGradient
    if let owner = tensor.owner, owner.value.ownsMemory {
      update(&owner.value, scaled: gradient)
      keepsRange = !holdsInfinity(owner.value.elements)
    } else {
      var parameter = Tensor(copying: tensor.parameter.reading, shape: layout.shape)
      update(&parameter, scaled: gradient)
      tensor.parameter.address.copyMemory(from: parameter.memory, byteCount: parameter.byteCount)
      keepsRange = !holdsInfinity(tensor.parameter.reading)
    }
  }

  private func holdsInfinity(_ parameter: Elements) -> Bool {
    let sumOfSquares = kernels.adafactor[layout.scalarType, layout.gradientType].sumOfSquares
    return !sumOfSquares(parameter, 1, elementCount, elementCount).isFinite
      && parameter.holdInfinity(elementCount)
  }

  /// The gradient multiplied by its scale, in the type that updates are computed in.
  private var scaledGradient: Tensor {
    let tensor = tensor!
    let isOwned = tensor.owner?.value.ownsMemory == true
    let gradient = isOwned ? tensor.owner!.gradient! : Tensor(copying: tensor.gradient, shape: layout.shape)
    let converted = gradient.converted(to: layout.scalarType.arithmeticType)
    return tensor.gradientScale == 1 ? converted : converted * tensor.gradientScale
  }

  /// Updates a parameter in place if it is computed in its own type. A 16-bit parameter is updated in Float32, then
  /// rounded according to the rule.
  private func update(_ parameter: inout Tensor, scaled gradient: Tensor) {
    let type = layout.scalarType.arithmeticType
    state!.step += 1
    if layout.scalarType == type {
      update(&parameter, gradient: gradient)
    } else {
      let rounding = rounding
      var values = Tensor(uninitialized: layout.shape, as: type)
      kernels.conversion.unround(parameter.elements, rounding, elementCount, values.floats)
      update(&values, gradient: gradient)
      kernels.conversion.round(values.floats, rounding, elementCount, parameter.mutableElements())
    }
  }

  /// The rounding of this step. The state already counts the step.
  private var rounding: ParameterRounding {
    guard let rule = roundedRule else { return .nearest }
    return rule.rounding.rounding(
      nameHash: nameHash, step: state!.step, seed: rule.roundingSeed,
      residual: rule.rounding == .compensated ? residual?.mutableElements() : nil)
  }

  private func update(_ values: inout Tensor, gradient: Tensor) {
    group.rule.update(&values, gradient: gradient, state: &state!)
    guard values.shape == layout.shape && values.scalarType == layout.scalarType.arithmeticType else {
      fatalError(
        """
        The rule \(Rule.name) changed a parameter of shape \(layout.shape) and type \
        \(layout.scalarType.arithmeticType.rawValue) to shape \(values.shape) and type \(values.scalarType.rawValue).
        """)
    }
  }
}

extension Tensor {
  /// The elements of a tensor of Float.
  fileprivate var floats: UnsafeMutablePointer<Float> {
    mutating get { mutableElements().address.assumingMemoryBound(to: Float.self) }
  }

  /// Creates a tensor with a copy of elements.
  fileprivate init(copying elements: Elements, shape: Shape) {
    self.init(uninitialized: shape, as: elements.type)
    withUnsafeMutableBytes {
      $0.baseAddress!.copyMemory(from: elements.address, byteCount: $0.count)
    }
  }
}

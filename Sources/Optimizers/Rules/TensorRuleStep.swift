import Backends
import KernelInterface
import Tensors

/// The step of a rule that updates whole tensors: one task, or two phases if the gradient must be judged first.
final class TensorRuleStep<Rule: UpdateRule>: PreparedStep {
  private let group: RuleGroup<Rule>
  private let layout: StepLayout
  private let kernels: KernelTable
  private let backend: Backend
  private var state: Rule.State?
  private var addedState = false
  private var tensor: SteppedTensor?
  private var isFinite = true

  init(
    _ group: RuleGroup<Rule>, _ layout: StepLayout, state: Rule.State?, kernels: KernelTable,
    backend: Backend
  ) {
    self.group = group
    self.layout = layout
    self.kernels = kernels
    self.backend = backend
    self.state = state
  }

  var anyState: (any ParameterState)? {
    get { state }
    set { state = newValue.map { $0 as! Rule.State } }
  }

  func begin(_ tensor: SteppedTensor) {
    self.tensor = tensor
    if state == nil {
      state = group.rule.initialState(shape: layout.shape, scalarType: layout.scalarType.arithmeticType)
      addedState = true
    }
  }

  func commit() {
    tensor = nil
    addedState = false
  }

  func discard() {
    tensor = nil
    if addedState { state = nil }
    addedState = false
  }

  // MARK: Phases

  var elementCount: Int { layout.shape.elementCount }
  var phaseCount: Int { layout.needsVerdict ? 2 : 1 }
  var firstWritingPhase: Int { layout.needsVerdict ? 1 : 0 }
  func taskCount(in phase: Int) -> Int { 1 }

  func run(_ task: Int, in phase: Int, scratch: UnsafeMutableRawPointer) {
    if phase < firstWritingPhase {
      let piece = GradientPiece(
        tensor!.gradient, scale: tensor!.gradientScale, rows: 1, columns: elementCount, stride: elementCount)
      isFinite = kernels.adamW[layout.scalarType, layout.gradientType].squaresAreFinite(piece)
    } else {
      // The backend of a task is not known on the threads of the engine.
      Backend.withDefault(backend) { update(tensor!) }
    }
  }

  func finish(_ phase: Int, kernels: KernelTable) -> StepVerdict {
    phase < firstWritingPhase && !isFinite ? .nonFinite : .proceed
  }

  /// Updates the parameter by the rule: its own tensor, or a copy of memory that belongs to the caller.
  ///
  /// A copy, because the rule may keep parameter and gradient in its state.
  private func update(_ tensor: SteppedTensor) {
    if let owner = tensor.owner, owner.value.ownsMemory {
      update(&owner.value, gradient: owner.gradient!, scale: tensor.gradientScale)
    } else {
      var parameter = Tensor(copying: tensor.parameter.reading, shape: layout.shape)
      let gradient = Tensor(copying: tensor.gradient, shape: layout.shape)
      update(&parameter, gradient: gradient, scale: tensor.gradientScale)
      tensor.parameter.address.copyMemory(from: parameter.memory, byteCount: parameter.byteCount)
    }
  }

  /// Updates a parameter that is computed in its own type in place, and a 16-bit parameter by way of Float32.
  private func update(_ parameter: inout Tensor, gradient: Tensor, scale: Double) {
    let type = layout.scalarType.arithmeticType
    let gradient = gradient.converted(to: type)
    let scaled = scale == 1 ? gradient : gradient * scale
    state!.step += 1
    if layout.scalarType == type {
      update(&parameter, gradient: scaled)
    } else {
      var values = parameter.converted(to: type)
      update(&values, gradient: scaled)
      parameter = values.converted(to: layout.scalarType)
    }
  }

  private func update(_ values: inout Tensor, gradient: Tensor) {
    group.rule.update(&values, gradient: gradient, state: &state!)
    guard values.shape == layout.shape && values.scalarType == layout.scalarType.arithmeticType else {
      fatalError(
        """
        The rule \(Rule.name) made a parameter of shape \(values.shape) and type \(values.scalarType.rawValue) \
        out of \(layout.shape) and \(layout.scalarType.arithmeticType.rawValue).
        """)
    }
  }
}

extension Tensor {
  /// A copy of elements in memory.
  fileprivate init(copying elements: Elements, shape: Shape) {
    self.init(uninitialized: shape, as: elements.type)
    withUnsafeMutableBytes {
      $0.baseAddress!.copyMemory(from: elements.address, byteCount: $0.count)
    }
  }
}

import KernelInterface
import Tensors

/// An optimizer's options as a rule: what they make of a gradient and the state of its parameter.
///
/// It is all that tells one optimizer from another; groups, states and stepping are the same for each, and stand in
/// ``OptimizerCore``.
protocol UpdateRule: OptimizerOptions {
  /// What is remembered of one parameter between steps.
  associatedtype State: ParameterState
  /// One step of one tensor.
  associatedtype Step: BlockwiseStep

  /// The rate that a schedule may drive; nil where there is none.
  var scheduledRate: Double? { get }

  /// Sets the rate; a mistake that traps where ``scheduledRate`` is nil.
  mutating func setScheduledRate(_ rate: Double)

  /// The state before the first step of a parameter.
  func initialState(shape: Shape, scalarType: ScalarType) -> State

  /// Whether these options need the moments that only some need.
  var needsOptionalMoments: Bool { get }

  /// The phases of the next step of a tensor, whose state has all moments that these options need.
  func step(of tensor: SteppedTensor, state: inout State) -> Step

  /// Takes note in `state` of a step whose moments have been written.
  func advance(_ state: inout State, after step: Step)
}

extension UpdateRule {
  /// Gives a state the moments and the residual that these options need and it lacks, as zeros.
  func addMissingMoments(to state: inout State, shape: Shape, scalarType: ScalarType) {
    if needsOptionalMoments && state.optionalMoments == nil {
      state.optionalMoments = Tensor(zeros: shape, as: scalarType.arithmeticType)
    }
    if rounding.keepsResidual(of: scalarType) && state.residual == nil {
      state.residual = Tensor(zeros: shape, as: scalarType)
    }
  }

  /// Takes note in `state` of a step that has been written, and drops a residual that it did not take into account.
  func finish(_ state: inout State, after step: Step) {
    advance(&state, after: step)
    if rounding != .compensated { state.residual = nil }
  }
}

/// What is remembered of one parameter between steps, as the bookkeeping sees it.
protocol ParameterState: OptimizerParameterState {
  /// Bytes of all moments.
  var byteCount: Int { get }

  /// The moments that only some options need: as many as the parameter has elements.
  var optionalMoments: Tensor? { get set }

  /// What rounding lost, of a 16-bit parameter.
  var residual: Tensor? { get set }

  /// The moments that a parameter of this shape calls for: their name, what there is, and the shape it must have.
  func moments(of shape: Shape) -> [(name: String, tensor: Tensor?, expected: Shape?)]
}

extension ParameterState {
  /// Bytes of all moments.
  func byteCount(of moments: Tensor?...) -> Int {
    moments.reduce(0) { $0 + ($1?.byteCount ?? 0) }
  }

  /// Refuses a state that a parameter of this name, shape and type cannot have.
  func checkMoments(parameter: String, shape: Shape, scalarType: ScalarType) throws(OptimizerError) {
    guard step >= 0 else {
      throw .invalidOption(
        name: "The step of \"\(parameter)\"", value: "\(step)", requirement: "it counts from 0")
    }
    for (name, tensor, expected) in moments(of: shape) {
      guard tensor?.shape == expected else {
        throw .stateShape(parameter: parameter, moments: name, shape: tensor?.shape, expected: expected)
      }
      let arithmetic = scalarType.arithmeticType
      if let type = tensor?.scalarType, type != arithmetic {
        throw .stateType(parameter: parameter, moments: name, type: type, expected: arithmetic)
      }
    }
    guard let residual else { return }
    guard scalarType.hasResidual, residual.shape == shape else {
      throw .stateShape(
        parameter: parameter, moments: "residual", shape: residual.shape,
        expected: scalarType.hasResidual ? shape : nil)
    }
    guard residual.scalarType == scalarType else {
      throw .stateType(
        parameter: parameter, moments: "residual", type: residual.scalarType, expected: scalarType)
    }
  }
}

/// What a step is given of one parameter.
struct SteppedTensor {
  /// The name of the parameter.
  let name: String
  /// P, which the step changes.
  let parameter: MutableElements
  /// G, of the same shape.
  let gradient: Elements
  /// What G is multiplied by as it is read.
  let gradientScale: Double
  /// The shape of both.
  let shape: Shape
  /// Σ p² before the step, where it is known.
  let squaresBefore: Double?
  /// Whether parameter and gradient may have to come from memory.
  let mayComeFromMemory: Bool
  /// Whether the gradient has to be judged before anything is written.
  let needsDecision: Bool
}

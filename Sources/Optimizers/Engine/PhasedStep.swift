import KernelInterface
import Tensors

/// One step of one tensor as the engine runs it: phases, one after the other, each a number of independent tasks.
///
/// For every phase the engine runs its tasks in any order, on any threads. Then it calls `fold`, which adds the results of
/// the tasks in a fixed order. Then it sums the reduction buffer over all machines that share the tensor, and calls
/// `finish`, which sees the sums of the whole tensor. Nothing is written to the parameter or its state before
/// `firstWritingPhase`, and `finish` of an earlier phase says whether to write at all.
///
/// Adafactor has three phases: statistics, moments, update. AdamW has one, and a second before it if gradients must be
/// judged first. A step with matrix products runs them in `finish`, which receives the kernels, or as tasks.
package protocol PhasedStep: AnyObject {
  /// The number of elements of the tensor that are in this process.
  var elementCount: Int { get }
  /// The number of phases.
  var phaseCount: Int { get }
  /// The first phase that writes the parameter or its state.
  var firstWritingPhase: Int { get }

  /// Whether each phase is one task that multiplies matrices large enough for the backend to use several threads.
  var multipliesLargeMatrices: Bool { get }

  /// The size in bytes of the numbers that one phase leaves for the next.
  var workspaceByteCount: Int { get }
  /// The size in bytes of a thread's memory during a task.
  var scratchByteCount: Int { get }
  /// Sets the address of the workspace, before the first phase.
  func bindWorkspace(_ address: UnsafeMutableRawPointer)

  /// The number of tasks of a phase.
  func taskCount(in phase: Int) -> Int
  /// Runs one task.
  func run(_ task: Int, in phase: Int, scratch: UnsafeMutableRawPointer)

  /// The number of independent parts of a phase's fold.
  func foldCount(in phase: Int) -> Int
  /// Adds the results of a phase's tasks in a fixed order: one part.
  func fold(_ part: Int, in phase: Int)

  /// The numbers that machines that share this tensor sum after a phase's fold; empty if there are none.
  func reduction(after phase: Int) -> UnsafeMutableBufferPointer<Double>

  /// Completes a phase from sums over the whole tensor.
  func finish(_ phase: Int, kernels: KernelTable) -> StepVerdict

  /// Runs all phases on the calling thread; those that write only if the update is finite, or in any case.
  ///
  /// - Returns: Whether the update is finite, and whether it was written.
  func runAlone(
    scratch: UnsafeMutableRawPointer, kernels: KernelTable, writesNonFinite: Bool
  ) -> (isFinite: Bool, isWritten: Bool)
}

/// A step that leaves nothing between its phases and needs no memory of its own.
extension PhasedStep {
  package var multipliesLargeMatrices: Bool { false }
  package var workspaceByteCount: Int { 0 }
  package var scratchByteCount: Int { 0 }
  package func bindWorkspace(_ address: UnsafeMutableRawPointer) {}
  package func foldCount(in phase: Int) -> Int { 0 }
  package func fold(_ part: Int, in phase: Int) {}
  package func reduction(after phase: Int) -> UnsafeMutableBufferPointer<Double> {
    UnsafeMutableBufferPointer(start: nil, count: 0)
  }
}

extension PhasedStep {
  /// Phase after phase, task after task.
  package func runAlone(
    scratch: UnsafeMutableRawPointer, kernels: KernelTable, writesNonFinite: Bool
  ) -> (isFinite: Bool, isWritten: Bool) {
    var isFinite = true
    // The steps that ask for their phases again have a loop of their own.
    for phase in 0..<phaseCount {
      if phase == firstWritingPhase && !isFinite && !writesNonFinite { return (false, false) }
      for task in 0..<taskCount(in: phase) { run(task, in: phase, scratch: scratch) }
      for part in 0..<foldCount(in: phase) { fold(part, in: phase) }
      if finish(phase, kernels: kernels) == .nonFinite { isFinite = false }
    }
    return (isFinite, true)
  }
}

/// The result of a phase.
package enum StepVerdict: Sendable {
  /// The next phase may run.
  case proceed
  /// The update would not be finite; after a phase that writes, it is not, or has left an infinity in the parameter.
  case nonFinite
  /// All phases that only read run once more. Only the last of them asks for it.
  case again
}

/// The addresses that a step works on.
package struct SteppedTensor {
  /// P, which the step changes.
  package var parameter: MutableElements
  /// G, of the same shape.
  package var gradient: Elements
  /// The factor that G is multiplied by as it is read.
  package var gradientScale: Double
  /// Σ p² before the step, if it is known.
  package var squaresBefore: Double?
  /// The parameter that both belong to, which outlives the step; nil for memory of the caller.
  package unowned(unsafe) var owner: Parameter?

  /// The addresses of one step.
  package init(
    parameter: MutableElements, gradient: Elements, gradientScale: Double, squaresBefore: Double? = nil,
    owner: Parameter? = nil
  ) {
    self.owner = owner
    self.parameter = parameter
    self.gradient = gradient
    self.gradientScale = gradientScale
    self.squaresBefore = squaresBefore
  }
}

/// A phased step that is prepared once for a parameter and then runs many times. It keeps the parameter's state.
///
/// Whatever does not change from step to step is prepared: partition, kernels, sizes of workspace and scratch. The step is
/// prepared again when the parameter's shape or type changes (``StepLayout``). The rule is read at each step.
package protocol PreparedStep: PhasedStep {
  /// The state of the parameter; nil before the first step.
  var anyState: (any ParameterState)? { get set }
  /// Begins a step: adds missing parts to the state, and takes the addresses and hyperparameters of this step.
  func begin(_ tensor: SteppedTensor)
  /// Σ p² of the updated parameter, if the update adds it up.
  var squaresAfter: Double? { get }
  /// The number of steps in the state; 0 without one.
  var stepCount: Int { get }
  /// RMS(P) before the last step, if the state has it.
  var rootMeanSquare: Double? { get }
  /// Ends a step that was written.
  func commit()
  /// Ends a step that was not written: removes the parts that `begin` added to the state.
  func discard()
}

extension PreparedStep {
  /// Nil: most rules need no sums of squares.
  package var squaresAfter: Double? { nil }
  /// Read from the state.
  package var stepCount: Int { anyState?.step ?? 0 }
  /// Read from the state.
  package var rootMeanSquare: Double? { anyState?.numbers["RMS"] }
}

/// The properties of a parameter that a step is prepared for.
package struct StepLayout: Equatable {
  /// The parameter's name, by which stochastic rounding knows it.
  package var name: String
  /// The shape of parameter and gradient.
  package var shape: Shape
  /// The parameter's type.
  package var scalarType: ScalarType
  /// The gradient's type.
  package var gradientType: ScalarType
  /// Whether the gradient must be judged before anything is written.
  package var needsVerdict: Bool
  /// Whether parameter and gradient may have to come from memory rather than from a cache.
  package var mayComeFromMemory: Bool

  /// A layout.
  package init(
    name: String, shape: Shape, scalarType: ScalarType, gradientType: ScalarType, needsVerdict: Bool,
    mayComeFromMemory: Bool
  ) {
    self.name = name
    self.shape = shape
    self.scalarType = scalarType
    self.gradientType = gradientType
    self.needsVerdict = needsVerdict
    self.mayComeFromMemory = mayComeFromMemory
  }
}

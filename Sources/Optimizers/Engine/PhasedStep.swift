import KernelInterface
import Tensors

/// One step of one tensor as the engine runs it: a sequence of phases, each with a number of independent tasks.
///
/// For every phase, the engine runs the tasks in any order, on any threads. It then calls `fold`, which adds up the
/// results of the tasks in a fixed order, sums the reduction buffer over all processes that share the tensor, and calls
/// `finish`, which sees the sums of the whole tensor. Nothing is written to the parameter or its state before
/// `firstWritingPhase`, and `finish` of an earlier phase decides whether to write at all.
///
/// Adafactor has three phases: statistics, moments, update. AdamW has one, with a second one before it if gradients must
/// be checked first. A step with matrix products runs them in `finish`, which receives the kernels, or as tasks.
package protocol PhasedStep: AnyObject {
  /// The number of the tensor's elements in this process.
  var elementCount: Int { get }
  /// The number of phases.
  var phaseCount: Int { get }
  /// The first phase that writes the parameter or its state.
  var firstWritingPhase: Int { get }

  /// Whether each phase is one task that multiplies matrices large enough for the backend to use several threads.
  var multipliesLargeMatrices: Bool { get }

  /// The size in bytes of the numbers that a phase passes on to the next one.
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
  /// Adds up one part of a phase's results in a fixed order.
  func fold(_ part: Int, in phase: Int)

  /// The numbers that processes which share this tensor combine after a phase's fold; nil if there are none.
  ///
  /// It is asked for only if they share the tensor, and is nil in all of them or in none.
  func reduction(after phase: Int) -> StepReduction?

  /// Completes a phase from sums over the whole tensor.
  func finish(_ phase: Int, kernels: KernelTable) -> StepVerdict

  /// Runs all phases on the calling thread. The phases that write run only if the update is finite or `writesNonFinite` is
  /// true.
  ///
  /// - Returns: Whether the update is finite, and whether it was written.
  func runAlone(
    scratch: UnsafeMutableRawPointer, kernels: KernelTable, writesNonFinite: Bool
  ) -> (isFinite: Bool, isWritten: Bool)
}

/// Defaults for a step that passes nothing on between its phases and needs no memory.
extension PhasedStep {
  package var multipliesLargeMatrices: Bool { false }
  package var workspaceByteCount: Int { 0 }
  package var scratchByteCount: Int { 0 }
  package func bindWorkspace(_ address: UnsafeMutableRawPointer) {}
  package func foldCount(in phase: Int) -> Int { 0 }
  package func fold(_ part: Int, in phase: Int) {}
  package func reduction(after phase: Int) -> StepReduction? { nil }
}

extension PhasedStep {
  /// Runs all phases in order, and the tasks of each phase in order.
  package func runAlone(
    scratch: UnsafeMutableRawPointer, kernels: KernelTable, writesNonFinite: Bool
  ) -> (isFinite: Bool, isWritten: Bool) {
    var isFinite = true
    // Steps that request their phases again override this method.
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
  /// The update would not be finite. After a phase that writes: the update was not finite, or left an infinity in the
  /// parameter.
  case nonFinite
  /// All phases that only read must run once more. Only the last of them returns this.
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
  /// The parameter that owns the tensors and outlives the step; nil for the caller's memory.
  package unowned(unsafe) var owner: Parameter?

  /// Creates the addresses of one step.
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
/// Everything that does not change between steps is prepared: the partition, the kernels, the sizes of workspace and
/// scratch. The step is prepared again when the parameter's shape or type changes (``StepLayout``). The rule is read at
/// each step.
package protocol PreparedStep: PhasedStep {
  /// The state of the parameter; nil before the first step.
  var anyState: (any ParameterState)? { get set }
  /// Begins a step: adds missing parts to the state, and takes the addresses and hyperparameters of this step.
  func begin(_ tensor: SteppedTensor)
  /// Σ p² of the updated parameter, if the update computes it.
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
  /// Nil, because most rules need no sums of squares.
  package var squaresAfter: Double? { nil }
  /// Read from the state.
  package var stepCount: Int { anyState?.step ?? 0 }
  /// Read from the state.
  package var rootMeanSquare: Double? { anyState?.numbers["RMS"] }
}

/// The properties of a parameter that a prepared step depends on.
package struct StepLayout: Equatable {
  /// The parameter's name, which seeds stochastic rounding.
  package var name: String
  /// The shape of parameter and gradient, as far as they are in this process.
  package var shape: Shape
  /// The part of a tensor that they are; nil for a tensor that is whole.
  package var shard: TensorShard?
  /// The parameter's type.
  package var scalarType: ScalarType
  /// The gradient's type.
  package var gradientType: ScalarType
  /// Whether the gradient must be checked before anything is written.
  package var needsVerdict: Bool
  /// Whether parameter and gradient may be in memory rather than in a cache.
  package var mayComeFromMemory: Bool

  /// Whether several processes hold parts of the tensor.
  package var isShared: Bool { (shard?.blocksByRank.count ?? 1) > 1 }

  /// Creates a layout.
  package init(
    name: String, shape: Shape, scalarType: ScalarType, gradientType: ScalarType, needsVerdict: Bool,
    mayComeFromMemory: Bool, shard: TensorShard? = nil
  ) {
    self.name = name
    self.shape = shape
    self.shard = shard
    self.scalarType = scalarType
    self.gradientType = gradientType
    self.needsVerdict = needsVerdict
    self.mayComeFromMemory = mayComeFromMemory
  }
}

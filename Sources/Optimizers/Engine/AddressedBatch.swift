import Backends
import KernelInterface
import Tensors

/// Tensors that are stepped together in memory of the caller, who describes them at each step: the engine of the C interface.
///
/// A place of the batch keeps a prepared step. The caller prepares it for a layout and a state, sets the addresses of each
/// step, and reads the outcome afterwards. The caller has checked shapes, addresses and states.
package final class AddressedBatch {
  private let engine: StepEngine
  private let backend: Backend
  private let items: ContiguousArray<AddressedItem>
  private let batch: StepBatch

  /// Creates a batch whose places are not prepared yet.
  ///
  /// - Parameter threads: The maximum number of threads; nil for one per processor.
  package init(count: Int, backend: Backend, threads: Int?) {
    engine = StepEngine(backend: backend, threads: threads ?? processorCount)
    self.backend = backend
    items = ContiguousArray((0..<count).map { _ in AddressedItem(NoStep()) })
    batch = StepBatch(ContiguousArray(items.map { $0 as StepItem }))
  }

  /// The maximum number of threads of a step.
  package var threads: Int { engine.threads }

  /// Prepares a place for the tensors of a layout, with their state; nil before the first step.
  package func prepare<Rule: UpdateRule>(
    _ index: Int, of group: RuleGroup<Rule>, _ layout: StepLayout, state: Rule.State?
  ) {
    items[index].replaceStep(
      group.preparedStep(layout, state: state, kernels: engine.kernels, backend: backend))
    engine.replacementCount += 1
  }

  /// Sets the addresses of the next step of a place, and Σ p² if it is known.
  package func setTensor(
    _ index: Int, parameter: MutableElements, gradient: Elements, gradientScale: Double, squares: Double?
  ) {
    items[index].tensor = SteppedTensor(
      parameter: parameter, gradient: gradient, gradientScale: gradientScale, squaresBefore: squares)
  }

  /// Σ p² after the last step of a place, if the step adds it up.
  package func squares(_ index: Int) -> Double? { items[index].step.squaresAfter }

  /// The state of a place.
  package subscript(state index: Int) -> (any ParameterState)? {
    get { items[index].step.anyState }
    set { items[index].step.anyState = newValue }
  }

  /// The number of steps in the state of a place.
  package func stepCount(_ index: Int) -> Int { items[index].step.stepCount }

  /// RMS(P) before the last step of a place, if its state has it.
  package func rootMeanSquare(_ index: Int) -> Double? { items[index].step.rootMeanSquare }

  /// Whether the last step of a place was written.
  package func isWritten(_ index: Int) -> Bool { items[index].isWritten }

  /// Steps all places, and returns the indices of those whose update is not finite.
  package func run(policy: NonFinitePolicy) throws(OptimizerError) -> [Int] {
    try engine.run(batch, policy: policy)
  }
}

/// A tensor in memory of a caller.
final class AddressedItem: StepItem {
  var tensor: SteppedTensor?
  /// Whether the last step was written.
  private(set) var isWritten = false

  override func begin() { step.begin(tensor!) }
  override func end(isWritten: Bool) {
    super.end(isWritten: isWritten)
    self.isWritten = isWritten
  }
}

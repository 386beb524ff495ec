import KernelInterface
import Tensors

extension GradientAccumulator {
  /// The state of an incomplete window of micro-batches. The sums share the accumulator's memory until its next addition.
  public struct State: Sendable {
    /// The number of micro-batches.
    public var step: Int
    /// Σ wᵢ.
    public var totalWeight: Double
    /// Σ wᵢ gᵢ by parameter name, for the parameters that had a gradient.
    public var sums: [String: Tensor]
    /// The notes of each sum.
    public var notes: [String: Notes]

    /// The known properties of a sum, which don't require reading it again.
    public struct Notes: Sendable, Codable, Equatable {
      /// The sum of its squares.
      public var squares: Double
      /// Whether no element is NaN or infinite.
      public var isFinite: Bool
      /// Whether a gradient was clipped before it was added.
      public var isClipped: Bool

      /// Creates the notes of a sum.
      public init(squares: Double, isFinite: Bool, isClipped: Bool) {
        self.squares = squares
        self.isFinite = isFinite
        self.isClipped = isClipped
      }
    }

    /// Creates a state from its parts.
    public init(step: Int, totalWeight: Double, sums: [String: Tensor], notes: [String: Notes]) {
      self.step = step
      self.totalWeight = totalWeight
      self.sums = sums
      self.notes = notes
    }
  }

  /// Returns the sums since the last reset.
  ///
  /// - Precondition: ``apply()`` hasn't been called since the last reset. Otherwise call ``reset()`` first, or the step
  ///   would be taken twice.
  public func state() -> State {
    guard !wasApplied else {
      fatalError("the window has already been applied: reset the accumulator before you take its state")
    }
    var state = State(step: step, totalWeight: totalWeight, sums: [:], notes: [:])
    for (parameter, slot) in zip(parameters, slots) where slot.isFilled {
      state.sums[parameter.name] = slot.sum
      state.notes[parameter.name] = State.Notes(
        squares: slot.summary.squares, isFinite: slot.summary.isFinite, isClipped: slot.isClipped)
    }
    return state
  }

  /// Continues the window of `state` and discards the current sums. Parameters are matched by name.
  ///
  /// - Throws: ``StateMismatch``, which lists every difference, without changing anything.
  public func restore(_ state: State) throws(StateMismatch) {
    let differences = differences(from: state)
    guard differences.isEmpty else { throw StateMismatch(differences) }
    reset()
    (step, totalWeight, wasCalled) = (state.step, state.totalWeight, state.step > 0)
    for (index, parameter) in parameters.enumerated() {
      guard let sum = state.sums[parameter.name], let notes = state.notes[parameter.name] else { continue }
      slots[index] = Slot(
        sum: sum, isFilled: true, isClipped: notes.isClipped,
        summary: GradientSummary(squares: notes.squares, isFinite: notes.isFinite))
    }
  }

  private func differences(from state: State) -> [StateDifference] {
    var unknown = Set((Array(state.sums.keys) + Array(state.notes.keys)).map { ExactString($0) })
    var differences: [StateDifference] = []
    for parameter in parameters where unknown.remove(ExactString(parameter.name)) != nil {
      guard let sum = state.sums[parameter.name], state.notes[parameter.name] != nil else {
        differences.append(.missing(parameter: parameter.name))
        continue
      }
      let isSum = sum.scalarType == .float32 || sum.scalarType == .float64
      if sum.shape != parameter.value.shape || !isSum {
        differences.append(
          .parameter(
            name: parameter.name, saved: "\(sum.scalarType.rawValue) \(sum.shape)",
            here: "\(parameter.value.scalarType.arithmeticType.rawValue) \(parameter.value.shape)"))
      }
    }
    return differences + unknown.map(\.text).sorted().map { .unknown(parameter: $0) }
  }
}

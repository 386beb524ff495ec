import Backends
import KernelInterface
import Tensors

/// The exponential moving average of the weights, for evaluation and for the final model: A ← A + (1 − d)(P − A).
///
/// - P: the value of each parameter
/// - A: its average, of the same shape
/// - d: `decay`
///
/// The first update sets A = P.
///
///     let average = try ExponentialMovingAverage(model.parameters)
///     for batch in batches {
///       …
///       try optimizer.step()
///       average.update()
///     }
///     let accuracy = average.withAverages { evaluate(model) }
///
/// Averages are in Float32, or in Float64 for Float64 parameters. Differs from torch for 16-bit parameters: torch keeps
/// their averages in 16 bits, and at a decay of 0.999 they would hardly move. The number of threads doesn't change the
/// results.
///
/// Source: `torch.optim.swa_utils.AveragedModel` with `get_ema_multi_avg_fn(0.999)`.
public final class ExponentialMovingAverage {
  /// The parameters, in the order of ``averages``.
  public let parameters: [Parameter]

  /// d, the fraction of the average that an update keeps.
  public let decay: Double

  /// The number of updates.
  public private(set) var updateCount = 0

  /// A of each parameter. Before the first update it is the parameter's initial value.
  public private(set) var averages: [Tensor]

  /// The weights while the parameters hold the averages; nil otherwise.
  private var weights: [Tensor]?
  private let threads: Int

  /// The number of elements per task: 128 KB of an average, and as many elements of the parameter.
  private static let taskLength = 1 << 15

  /// Creates the averages of parameters.
  ///
  /// - Parameters:
  ///   - parameters: The parameters, each listed once and with a unique name.
  ///   - decay: d, at least 0 and below 1.
  ///   - threads: The maximum number of threads; nil for one per processor.
  /// - Throws: `OptimizerError` for a decay out of range, and for a duplicate parameter or name.
  public init(_ parameters: [Parameter], decay: Double = 0.999, threads: Int? = nil) throws(OptimizerError) {
    try OptimizerError.requireAveraging(decay, "The decay")
    var names = Set<String>()
    for parameter in parameters where !names.insert(parameter.name).inserted {
      throw .duplicateParameter(name: parameter.name)
    }
    self.parameters = parameters
    self.decay = decay
    self.threads = threads ?? processorCount
    averages = parameters.map { Self.copy($0.value, as: $0.value.scalarType.arithmeticType) }
  }

  /// Moves the averages toward the current values. Call it once after each step of the optimizer.
  ///
  /// - Precondition: the parameters hold their own values, with the same shapes and types as when the average was created.
  public func update() {
    guard weights == nil else {
      fatalError("The parameters hold the averages: call swap() before the next update.")
    }
    for index in parameters.indices {
      let value = parameters[index].value.converted(to: averages[index].scalarType)
      guard value.shape == averages[index].shape else {
        fatalError(
          "The parameter \"\(parameters[index].name)\" has the shape \(value.shape), its average \(averages[index].shape)."
        )
      }
      func move<Scalar: ArithmeticScalar>(_ type: Scalar.Type) { self.move(index, towards: value, as: type) }
      move(value.scalarType.arithmeticSwiftType)
    }
    updateCount += 1
  }

  private func move<Scalar: ArithmeticScalar>(_ index: Int, towards value: Tensor, as type: Scalar.Type) {
    let count = value.elementCount
    if count == 0 { return }
    let (weight, isFirst) = (Scalar(1 - decay), updateCount == 0)
    value.withElements(of: type) { value in
      averages[index].withMutableElements(of: type) { average in
        nonisolated(unsafe) let (value, average) = (value.baseAddress!, average.baseAddress!)
        parallelFor(count: (count - 1) / Self.taskLength + 1, threads: threads) { _, task in
          let range = task * Self.taskLength..<min((task + 1) * Self.taskLength, count)
          if isFirst {
            (average + range.lowerBound).update(from: value + range.lowerBound, count: range.count)
          } else if weight < 0.5 {
            for i in range { average[i] += weight * (value[i] - average[i]) }
          } else {
            // The other branch of torch's lerp, which is exact at the other end.
            for i in range { average[i] = value[i] - (value[i] - average[i]) * (1 - weight) }
          }
        }
      }
    }
  }

  // MARK: Evaluation

  /// Whether the parameters currently hold the averages.
  public var isSwapped: Bool { weights != nil }

  /// Replaces the parameters' values with the averages and keeps the weights; the next call restores the weights.
  ///
  /// The averages are rounded to the type of each parameter. If a parameter uses memory that it adopted, that memory is
  /// written. Don't step the parameters while they hold the averages: the next swap would undo the step.
  public func swap() {
    if let weights {
      for (parameter, weight) in zip(parameters, weights) { Self.write(weight, to: parameter) }
      self.weights = nil
    } else {
      weights = parameters.map { Self.copy($0.value, as: $0.value.scalarType) }
      for (parameter, average) in zip(parameters, averages) {
        Self.write(average.converted(to: parameter.value.scalarType), to: parameter)
      }
    }
  }

  /// Runs `body`, such as an evaluation, while the parameters hold the averages, then restores the weights.
  public func withAverages<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard weights == nil else { fatalError("The parameters already hold the averages.") }
    swap()
    defer { swap() }
    return try body()
  }

  /// Returns a copy in separate memory, so that steps still find each parameter's memory unshared.
  private static func copy(_ tensor: Tensor, as type: ScalarType) -> Tensor {
    var copy = Tensor(zeros: tensor.shape, as: type)
    tensor.converted(to: type).withUnsafeBytes { source in
      copy.withUnsafeMutableBytes { $0.copyMemory(from: source) }
    }
    return copy
  }

  private static func write(_ tensor: Tensor, to parameter: Parameter) {
    tensor.withUnsafeBytes { source in
      parameter.value.withUnsafeMutableBytes { $0.copyMemory(from: source) }
    }
  }

  // MARK: Saving and restoring

  /// The state of an average.
  public struct State: Sendable {
    /// d.
    public var decay: Double
    /// The number of updates.
    public var updateCount: Int
    /// A by parameter name.
    public var averages: [String: Tensor]

    /// Creates a state from its parts.
    public init(decay: Double, updateCount: Int, averages: [String: Tensor]) {
      self.decay = decay
      self.updateCount = updateCount
      self.averages = averages
    }
  }

  /// Returns the averages and the number of updates.
  public func state() -> State {
    State(
      decay: decay, updateCount: updateCount,
      averages: Dictionary(zip(parameters.map(\.name), averages)) { $1 })
  }

  /// Continues from `state`, with bit-identical results. Parameters are matched by name.
  ///
  /// - Throws: ``StateMismatch``, which lists every difference, without changing anything.
  public func restore(_ state: State) throws(StateMismatch) {
    var differences: [StateDifference] = []
    if state.decay != decay {
      differences.append(.option("the decay is \(state.decay) in the saved state, \(decay) here"))
    }
    if state.updateCount < 0 {
      differences.append(.option("the saved state has \(state.updateCount) updates: it must be at least 0"))
    }
    var unknown = Set(state.averages.keys.map { ExactString($0) })
    for (parameter, average) in zip(parameters, averages) {
      guard unknown.remove(ExactString(parameter.name)) != nil, let saved = state.averages[parameter.name]
      else {
        differences.append(.missing(parameter: parameter.name))
        continue
      }
      if saved.shape != average.shape || saved.scalarType != average.scalarType {
        differences.append(
          .parameter(
            name: parameter.name, saved: "\(saved.scalarType.rawValue) \(saved.shape)",
            here: "\(average.scalarType.rawValue) \(average.shape)"))
      }
    }
    differences += unknown.map(\.text).sorted().map { .unknown(parameter: $0) }
    guard differences.isEmpty else { throw StateMismatch(differences) }
    guard weights == nil else {
      fatalError("The parameters hold the averages: call swap() before you restore a state.")
    }
    updateCount = state.updateCount
    averages = parameters.map { state.averages[$0.name]! }
  }
}

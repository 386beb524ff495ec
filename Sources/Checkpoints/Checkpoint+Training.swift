import Optimizers
import Schedules
import Tensors

extension Checkpoint {
  private static let modelName = "model"
  private static let optimizerName = "optimizer"
  private static let schedulersName = "schedulers"

  /// Creates a checkpoint of a training run.
  ///
  /// - Parameters:
  ///   - position: The position of the run.
  ///   - model: All parameters of the model, including those that no optimizer steps. Each has a unique name.
  ///   - optimizer: The optimizer.
  ///   - schedulers: The schedulers that set its hyperparameters.
  /// - Throws: ``CheckpointError`` if JSON cannot hold a state.
  public init(
    position: TrainingPosition, model: [Parameter], optimizer: Optimizer,
    schedulers: [LearningRateScheduler] = []
  ) throws(CheckpointError) {
    try self.init(
      position: position, model: model, optimizerState: optimizer.state(), schedulers: schedulers)
  }

  /// A checkpoint of a training whose optimizer's state is given, for example one that several ranks share.
  ///
  /// - Parameters:
  ///   - position: The position of the training.
  ///   - model: All parameters of the model, each with a name of its own.
  ///   - optimizerState: The state of the optimizer.
  ///   - schedulers: The schedulers that set its hyperparameters.
  /// - Throws: ``CheckpointError`` for a state that JSON cannot hold.
  public init(
    position: TrainingPosition, model: [Parameter], optimizerState: OptimizerState,
    schedulers: [LearningRateScheduler] = []
  ) throws(CheckpointError) {
    self.init(position: position)
    var parameters = TensorCollection()
    for parameter in model {
      let other = parameters.tensors.updateValue(parameter.value, forKey: parameter.name)
      guard other == nil else {
        fatalError("two parameters of the model are named \"\(parameter.name)\"")
      }
    }
    collections[Self.modelName] = parameters
    collections[Self.optimizerName] = try optimizerState.collection()
    try setValue(schedulers.map(\.state), for: Self.schedulersName)
  }

  /// Restores the model, the optimizer and the schedulers.
  ///
  /// Parameters are matched by name, and schedulers by order.
  ///
  /// - Throws: ``CheckpointError`` that lists every difference. Nothing is changed then.
  public func restore(
    model: [Parameter], optimizer: Optimizer, schedulers: [LearningRateScheduler] = []
  ) throws(CheckpointError) {
    let values = try collection(Self.modelName).tensors
    let state = try optimizer.state(in: collection(Self.optimizerName), path: "the checkpoint")
    let differences =
      Self.differences(saved: values, here: model) + optimizer.differences(from: state)
    guard differences.isEmpty else { throw .mismatch(StateMismatch(differences)) }
    try restore(schedulers)

    // From here on, nothing can fail. The optimizer comes last: the schedulers have just set its rates, and
    // its own state sets the same bits.
    for parameter in model { parameter.value = values[parameter.name]! }
    try CheckpointError.wrapping(CheckpointError.mismatch) { () throws(StateMismatch) in
      try optimizer.restore(state)
    }
  }

  /// Puts the model and schedulers back to where they were, and returns the state of the optimizer, which the caller restores:
  /// last, because schedulers set hyperparameters.
  ///
  /// - Parameters:
  ///   - model: All parameters of the model.
  ///   - optimizer: An optimizer with the rules of the saved one, which is not changed.
  ///   - schedulers: The schedulers.
  /// - Throws: ``CheckpointError`` with all differences of the model; nothing is changed then.
  public func restore(
    model: [Parameter], stateFor optimizer: Optimizer, schedulers: [LearningRateScheduler] = []
  ) throws(CheckpointError) -> OptimizerState {
    let values = try collection(Self.modelName).tensors
    let state = try optimizer.state(in: collection(Self.optimizerName), path: "the checkpoint")
    let differences = Self.differences(saved: values, here: model)
    guard differences.isEmpty else { throw .mismatch(StateMismatch(differences)) }
    try restore(schedulers)
    for parameter in model { parameter.value = values[parameter.name]! }
    return state
  }

  /// Returns a collection that the checkpoint must hold.
  func collection(_ name: String) throws(CheckpointError) -> TensorCollection {
    guard let collection = collections[name] else { throw .missing(name: name) }
    return collection
  }

  private func restore(_ schedulers: [LearningRateScheduler]) throws(CheckpointError) {
    let states = try value([LearningRateScheduler.State].self, for: Self.schedulersName)
    guard states.count == schedulers.count else {
      throw .schedule(.groupCount(setting: "scheduler", expected: states.count, actual: schedulers.count))
    }
    let before = schedulers.map(\.state)
    do {
      for (scheduler, state) in zip(schedulers, states) { try scheduler.restore(state) }
    } catch {
      // A scheduler accepts its own state.
      for (scheduler, state) in zip(schedulers, before) { try! scheduler.restore(state) }
      throw .schedule(error)
    }
  }

  private static func differences(saved: [String: Tensor], here model: [Parameter]) -> [StateDifference] {
    func text(_ tensor: Tensor) -> String { "\(tensor.scalarType.rawValue) \(tensor.shape)" }
    var unknown = Set(saved.keys.map { ExactString($0) })
    var differences: [StateDifference] = []
    for parameter in model {
      guard unknown.remove(ExactString(parameter.name)) != nil, let tensor = saved[parameter.name] else {
        differences.append(.missing(parameter: parameter.name))
        continue
      }
      let (saved, here) = (text(tensor), text(parameter.value))
      if saved != here {
        differences.append(.parameter(name: parameter.name, saved: saved, here: here))
      }
    }
    return differences + unknown.map(\.text).sorted().map { .unknown(parameter: $0) }
  }
}

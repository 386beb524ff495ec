import Optimizers
import Tensors

extension Optimizer {
  /// Returns the state of the whole tensors whose parts the ranks hold, on every rank.
  ///
  /// It is the state of an optimizer that holds the whole tensors: a checkpoint of it resumes on any number of ranks, or in one
  /// process. All ranks call this together.
  ///
  /// Every rank needs memory for the whole state. For Adafactor without momentum that is small.
  ///
  /// - Throws: ``CommunicatorError``.
  /// - Precondition: the optimizer is connected by ``share(over:)``.
  public func wholeState() throws(CommunicatorError) -> OptimizerState {
    var state = state()
    let communicator = connectedCommunicator
    for parameter in parameters {
      guard let shard = parameter.shard, let part = state.parameters[parameter.name] else { continue }
      func whole<State: ParameterState>(_ part: State) throws(CommunicatorError) -> State {
        var tensors: [String: Tensor] = [:]
        // Every rank in the same order.
        for (name, tensor) in part.tensors.sorted(by: { $0.key < $1.key }) {
          tensors[name] = try communicator.whole(tensor, StatePlace(name, of: shard))
        }
        return State(step: part.step, tensors: tensors, numbers: part.numbers)
      }
      state.parameters[parameter.name] = try whole(part)
    }
    return state
  }

  /// Restores this rank's parts of a state of whole tensors, as `restore(_:)` does. All ranks call this together.
  ///
  /// - Parameter state: A state that ``wholeState()`` returned, or the state of an optimizer that holds whole tensors, the same
  ///   on every rank.
  /// - Throws: `StateMismatch`, which lists every difference, or ``CommunicatorError`` if only another rank has one; then nothing
  ///   is changed.
  /// - Precondition: the optimizer is connected by ``share(over:)``.
  public func restoreWhole(_ state: OptimizerState) throws {
    var (parts, problems) = (state, [StateDifference]())
    for parameter in parameters {
      guard let shard = parameter.shard, let whole = state.parameters[parameter.name] else { continue }
      func part<State: ParameterState>(_ whole: State) throws(OptimizerError) -> State {
        var tensors: [String: Tensor] = [:]
        for (name, tensor) in whole.tensors {
          let place = StatePlace(name, of: shard)
          guard tensor.shape == place.wholeShape else {
            throw .stateShape(
              parameter: parameter.name, moments: name, shape: tensor.shape, expected: place.wholeShape)
          }
          tensors[name] = place.part(of: tensor)
        }
        return State(step: whole.step, tensors: tensors, numbers: whole.numbers)
      }
      do { parts.parameters[parameter.name] = try part(whole) } catch { problems.append(.refused(error)) }
    }
    if problems.isEmpty { problems = differences(from: parts) }
    let mismatch = problems.isEmpty ? nil : StateMismatch(problems)
    do {
      try connectedCommunicator.agree(mismatch?.description)
    } catch {
      if let mismatch { throw mismatch }
      throw error
    }
    try restore(parts)
  }

  private var connectedCommunicator: any Communicator {
    guard let shared = reducer as? SharedSteps else {
      fatalError("The state of whole tensors needs the ranks: connect the optimizer by share(over:) first.")
    }
    return shared.communicator
  }
}

/// The place of a part of a state in the state of the whole tensor: elements, or moments of rows or of columns.
private struct StatePlace {
  private enum Kind { case elements, rows, columns }
  private let kind: Kind
  private let shard: TensorShard

  init(_ name: String, of shard: TensorShard) {
    self.shard = shard
    kind =
      switch name {
      case "exp_avg_sq_row": .rows
      case "exp_avg_sq_col": .columns
      default: .elements
      }
  }

  private init(_ kind: Kind, of shard: TensorShard) { (self.kind, self.shard) = (kind, shard) }

  func of(rank: Int) -> StatePlace { StatePlace(kind, of: shard.of(rank: rank)) }

  var wholeShape: Shape { shape(shard.wholeShape) }

  private func shape(_ shape: Shape) -> Shape {
    switch kind {
    case .elements: shape
    case .rows: shape.removing(axis: -1)
    case .columns: shape.removing(axis: -2)
    }
  }

  /// Calls `body` with each run of consecutive numbers: its place in the whole, in this part, and its length.
  private func forEachRun(_ body: (_ whole: Int, _ part: Int, _ count: Int) -> Void) {
    if case .elements = kind { return shard.forEachRun(body) }
    // Also of a tensor without elements, which every rank has.
    if shard.isWhole { return body(0, 0, wholeShape.elementCount) }
    let (extent, partition) = (shard.extent, shard.extent.partition)
    let (range, length) =
      kind == .rows ? (extent.rows, partition.rows) : (extent.columns, partition.columns)
    for (index, matrix) in extent.matrices.enumerated() where !range.isEmpty {
      body(matrix * length + range.lowerBound, index * range.count, range.count)
    }
  }

  func part(of whole: Tensor) -> Tensor {
    var part = Tensor(zeros: shape(shard.shape), as: whole.scalarType)
    TensorShard.take(whole, into: &part, forEachRun)
    return part
  }

  func copy(_ bytes: [UInt8], into whole: inout Tensor) {
    bytes.withUnsafeBytes { TensorShard.put($0, into: &whole, forEachRun) }
  }
}

extension Communicator {
  /// Returns the whole of which every rank holds a part. Numbers that several ranks hold are the same on all of them.
  fileprivate func whole(_ part: Tensor, _ place: StatePlace) throws(CommunicatorError) -> Tensor {
    let all = try gatherAll(part.withUnsafeBytes { Array($0) })
    var whole = Tensor(zeros: place.wholeShape, as: part.scalarType)
    for (rank, bytes) in all.enumerated() { place.of(rank: rank).copy(bytes, into: &whole) }
    return whole
  }
}

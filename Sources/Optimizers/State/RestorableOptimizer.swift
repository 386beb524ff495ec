import Schedules
import Tensors

/// An optimizer whose state can be taken and restored.
public protocol RestorableOptimizer<Options, State>: AnyObject {
  /// What can be chosen for a group.
  associatedtype Options: OptimizerOptions
  /// What is remembered of a parameter.
  associatedtype State: OptimizerParameterState

  /// The name that files and configurations know this kind of optimizer by.
  static var name: String { get }

  /// The parameter groups.
  var groups: [ParameterGroup<Options>] { get }

  /// What is remembered of a parameter; nil before its first step.
  func state(of parameter: Parameter) -> State?

  /// Goes on from a state that was taken elsewhere; nil forgets the parameter's.
  ///
  /// - Throws: ``OptimizerError``, with everything as it was, for a state that the parameter cannot have.
  func setState(_ state: State?, of parameter: Parameter) throws(OptimizerError)

  /// Changes the options of a group from the next step on.
  ///
  /// - Throws: ``OptimizerError``, with the options as they were, if they end up out of range or there is no
  ///   such group.
  func updateOptions(ofGroup index: Int, _ change: (inout Options) -> Void) throws(OptimizerError)
}

extension RestorableOptimizer {
  /// Everything that the next step depends on, apart from the parameters' values and gradients.
  public func state() -> OptimizerState<Options, State> {
    var states: [String: State] = [:]
    for parameter in groups.flatMap(\.parameters) {
      states[parameter.name] = state(of: parameter)
    }
    return OptimizerState(
      groups: groups.map { .init(parameters: $0.parameters.map(\.name), options: $0.options) },
      parameters: states)
  }

  /// Goes on where `state` was taken: with the same gradients, every later step has the same bits.
  ///
  /// Parameters are matched by name, whatever their order. Groups must hold the same parameters and options;
  /// but the learning rate and the weight decay, which schedules change, are taken over. To go on with other
  /// options, restore first and change them by ``updateOptions(ofGroup:_:)`` then.
  ///
  /// - Throws: ``StateMismatch`` with all differences where the state does not fit; nothing is changed then.
  public func restore(_ state: OptimizerState<Options, State>) throws(StateMismatch) {
    let differences = differences(from: state)
    guard differences.isEmpty else { throw StateMismatch(differences) }
    do {
      for (index, group) in state.groups.enumerated() {
        try updateOptions(ofGroup: index) { $0 = $0.withScheduledValues(of: group.options) }
      }
      for parameter in groups.flatMap(\.parameters) {
        try setState(state.parameters[parameter.name], of: parameter)
      }
    } catch {
      preconditionFailure("A state without differences was refused: \(error)")
    }
  }

  /// Why ``restore(_:)`` would refuse `state`; empty where it fits.
  public func differences(from state: OptimizerState<Options, State>) -> [StateDifference] {
    groupDifferences(from: state) + parameterDifferences(from: state)
  }

  private func groupDifferences(from state: OptimizerState<Options, State>) -> [StateDifference] {
    guard state.groups.count == groups.count else {
      return [.groupCount(saved: state.groups.count, here: groups.count)]
    }
    var differences: [StateDifference] = []
    for (index, (saved, here)) in zip(state.groups, groups).enumerated() {
      do {
        try saved.options.validate()
      } catch {
        differences.append(.refused(error))
      }
      let options = here.options.withScheduledValues(of: saved.options)
      differences += settingDifferences("groups[\(index)]", saved: saved.options, here: options).map {
        .option($0)
      }
    }
    return differences
  }

  private func parameterDifferences(from state: OptimizerState<Options, State>) -> [StateDifference] {
    var savedGroups: [String: Int] = [:]
    var differences: [StateDifference] = []
    for (index, group) in state.groups.enumerated() {
      for name in group.parameters where savedGroups.updateValue(index, forKey: name) != nil {
        differences.append(.refused(.duplicateParameter(name: name)))
      }
    }
    var known = Set<String>()
    for (index, group) in groups.enumerated() {
      for parameter in group.parameters {
        known.insert(parameter.name)
        guard let savedGroup = savedGroups[parameter.name] else {
          differences.append(.missing(parameter: parameter.name))
          continue
        }
        if savedGroup != index && state.groups.count == groups.count {
          differences.append(.group(parameter: parameter.name, saved: savedGroup, here: index))
        }
        do {
          try state.parameters[parameter.name]?.check(
            parameter: parameter.name, shape: parameter.value.shape, scalarType: parameter.value.scalarType)
        } catch {
          differences.append(.refused(error))
        }
      }
    }
    let unknown = Set(savedGroups.keys).union(state.parameters.keys).subtracting(known)
    return differences + unknown.sorted().map { .unknown(parameter: $0) }
  }
}

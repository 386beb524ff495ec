import Schedules
import Tensors

extension Optimizer {
  /// Returns everything that the next step depends on, except the parameters' values and gradients.
  public func state() -> OptimizerState {
    var states: [String: any ParameterState] = [:]
    for slot in slots { states[slot.parameter.name] = slot.state }
    func options(_ group: some AnyRuleGroup) -> any UpdateRule { group.rule }
    return OptimizerState(
      groups: ruleGroups.indices.map {
        .init(parameters: groupParameters[$0].map(\.name), options: options(ruleGroups[$0]))
      }, parameters: states)
  }

  /// Restores a state. Given the same gradients, all later steps are bit-identical to the steps of the saved optimizer.
  ///
  /// Parameters are matched by name, in any order. Groups must hold the same parameters and have the same options, except
  /// for the learning rate and the weight decay: schedules change these, so they are taken from `state`. To continue with
  /// other options, restore first and change them afterwards.
  ///
  /// - Throws: ``StateMismatch``, which lists every difference, including tensors that hold NaN, infinity or negative
  ///   averages of squares. In that case nothing is changed.
  public func restore(_ state: OptimizerState) throws(StateMismatch) {
    let differences = differences(from: state)
    guard differences.isEmpty else { throw StateMismatch(differences) }
    func restore(_ group: some AnyRuleGroup, _ saved: OptimizerState.Group) {
      guard let options = group.rule.withScheduledValues(of: saved.options) else {
        fatalError("A state without differences has another rule: \(saved.options)")
      }
      group.rule = options
    }
    for (index, saved) in state.groups.enumerated() { restore(ruleGroups[index], saved) }
    for slot in slots { slot.state = state.parameters[slot.parameter.name] }
  }

  /// Returns the reasons why ``restore(_:)`` would refuse `state`, or an empty array if it fits.
  public func differences(from state: OptimizerState) -> [StateDifference] {
    groupDifferences(from: state) + parameterDifferences(from: state)
  }

  private func groupDifferences(from state: OptimizerState) -> [StateDifference] {
    guard state.groups.count == groupCount else {
      return [.groupCount(saved: state.groups.count, here: groupCount)]
    }
    func differences(
      _ group: some AnyRuleGroup, _ saved: OptimizerState.Group, _ index: Int
    ) -> [StateDifference] {
      guard let options = group.rule.withScheduledValues(of: saved.options) else {
        return [.optimizer(saved: type(of: saved.options).name, here: type(of: group.rule).name)]
      }
      var differences: [StateDifference] = []
      do { try saved.options.validate() } catch { differences.append(.refused(error)) }
      return differences
        + settingDifferences("groups[\(index)]", saved: saved.options, here: options).map { .option($0) }
    }
    return ruleGroups.indices.flatMap { differences(ruleGroups[$0], state.groups[$0], $0) }
  }

  private func parameterDifferences(from state: OptimizerState) -> [StateDifference] {
    var savedGroups: [ExactString: Int] = [:]
    var differences: [StateDifference] = []
    for (index, group) in state.groups.enumerated() {
      for name in group.parameters where savedGroups.updateValue(index, forKey: ExactString(name)) != nil {
        differences.append(.refused(.duplicateParameter(name: name)))
      }
    }
    var known = Set<ExactString>()
    for (index, parameters) in groupParameters.enumerated() {
      for parameter in parameters {
        let name = ExactString(parameter.name)
        known.insert(name)
        guard let savedGroup = savedGroups[name] else {
          differences.append(.missing(parameter: parameter.name))
          continue
        }
        if savedGroup != index && state.groups.count == groupCount {
          differences.append(.group(parameter: parameter.name, saved: savedGroup, here: index))
        }
        do {
          // If the group has another rule, that is reported as a difference already.
          if let saved = state.parameters[parameter.name], let slot = slot(of: parameter),
            !isOfAnotherRule(state, index)
          {
            try slot.checkRestored(saved)
          }
        } catch {
          differences.append(.refused(error))
        }
      }
    }
    let unknown = Set(savedGroups.keys).union(state.parameters.keys.map { ExactString($0) }).subtracting(
      known)
    return differences + unknown.map(\.text).sorted().map { .unknown(parameter: $0) }
  }

  /// Returns whether a group was saved with options of a different rule.
  private func isOfAnotherRule(_ state: OptimizerState, _ index: Int) -> Bool {
    func isOfAnotherRule(_ group: some AnyRuleGroup, _ saved: any UpdateRule) -> Bool {
      type(of: group.rule) != type(of: saved)
    }
    return state.groups.indices.contains(index)
      && isOfAnotherRule(ruleGroups[index], state.groups[index].options)
  }
}

extension UpdateRule {
  /// Returns these options with the weight decay of `other`, and with its learning rate if both are numbers. Returns nil
  /// if `other` belongs to another rule.
  package func withScheduledValues(of other: any UpdateRule) -> Self? {
    guard let other = other as? Self else { return nil }
    var options = self
    if learningRate.constant != nil, other.learningRate.constant != nil {
      options.learningRate = other.learningRate
    }
    options.weightDecay = other.weightDecay
    return options
  }
}

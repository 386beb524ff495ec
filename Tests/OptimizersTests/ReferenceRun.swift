import Optimizers
import Tensors
import Testing

/// Our side of a trajectory of Adafactor.
typealias ReferenceRun = TrajectoryRun<AdafactorOptions>

/// Our side of a trajectory, and the maximum distance from the reference.
final class TrajectoryRun<Rule: ReferenceRule> {
  let type: ScalarType
  let parameters: [String: Parameter]
  let initial: [String: [Float]]
  let optimizer: RuleOptimizer<Rule>
  var step = 0
  /// The largest magnitude that a parameter has had, by name. Earlier rounding was relative to it.
  var largest: [String: Float]
  var largestDisplacement: [String: Float] = [:]

  /// Creates a run with parameters and gradients in `type`.
  init(_ reference: Trajectory<Rule>, as type: ScalarType = .float32, backend: Backend) throws {
    self.type = type
    var parameters: [String: Parameter] = [:]
    var initial: [String: [Float]] = [:]
    var groups: [ParameterGroup<Rule>] = []
    for group in reference.groups {
      var members: [Parameter] = []
      for entry in group.parameters {
        let value = Tensor(entry.initial.values, shape: Shape(entry.shape)).converted(to: type)
        let parameter = Parameter(entry.name, value)
        parameters[entry.name] = parameter
        initial[entry.name] = entry.initial.values
        members.append(parameter)
      }
      groups.append(ParameterGroup(members, options: group.options))
    }
    self.parameters = parameters
    self.initial = initial
    largest = initial.mapValues(magnitude)
    optimizer = try RuleOptimizer(groups: groups, backend: backend, threads: 2)
    for (name, state) in reference.initialStates ?? [:] {
      try optimizer.setState(state.state, of: parameters[name]!)
    }
  }

  func take(_ step: Trajectory<Rule>.Step) throws {
    for change in step.optionChanges ?? [] {
      try optimizer.updateOptions(ofGroup: change.group) { change.change.apply(to: &$0) }
    }
    for (name, parameter) in parameters {
      parameter.gradient = step.gradients[name]?.map {
        Tensor($0.values, shape: parameter.value.shape).converted(to: type)
      }
    }
    try optimizer.step()
    self.step += 1
  }

  /// Checks that the displacements from the start agree. A step of 10⁻⁶ would not be visible in a parameter of 1.
  ///
  /// The bound is 10⁻⁵ of the reference's largest displacement, and one unit in the last place of the parameter per step.
  func compareParameters(with record: Trajectory<Rule>.Record) {
    for (name, expected) in record.parameters {
      let ours = parameters[name]!.value.scalars(as: Float.self)
      let displacements = zip(expected.values, initial[name]!).map { $0 - $1 }
      largest[name] = max(largest[name]!, magnitude(expected.values))
      largestDisplacement[name] = max(largestDisplacement[name] ?? 0, magnitude(displacements))
      let bound = 1e-5 * largestDisplacement[name]! + Float(step) * largest[name]!.ulp
      for (index, (our, their)) in zip(ours, expected.values).enumerated() {
        let agree = their.isNaN ? our.isNaN : abs(our - their) <= bound
        #expect(agree, "\(name)[\(index)] after step \(step): \(our), reference \(their), bound \(bound)")
        if !agree { break }
      }
    }
  }

  /// Checks that moments agree to 10⁻⁵ of each element. First moments, in which numbers of both signs cancel, must in
  /// addition agree only to 10⁻⁶ of the largest: both sides rounded the numbers that cancelled.
  func compareStates(with record: Trajectory<Rule>.StateRecord) {
    for (name, parameter) in parameters {
      let ours = optimizer.state(of: parameter)
      guard let theirs = record.parameters[name] else {
        #expect(ours == nil, "\(name) has a state, but never had a gradient")
        continue
      }
      guard let ours else {
        Issue.record("\(name) has no state")
        continue
      }
      let pairs = theirs.pairs(with: ours)
      #expect(pairs.step.ours == pairs.step.theirs)
      for pair in pairs.positive { compare(pair.ours, pair.theirs, "\(name).\(pair.name)") }
      for pair in pairs.signed {
        compare(pair.ours, pair.theirs, "\(name).\(pair.name)", mayCancel: true)
      }
      for (number, ours, expected) in pairs.numbers {
        // The reference always keeps RMS(P). This package keeps it only if it scales the step.
        guard optimizer.scalesParameters(of: parameter) else {
          #expect(ours == nil, "\(name).\(number)")
          continue
        }
        guard let ours, let expected else {
          Issue.record("\(name).\(number): \(ours as Any), reference \(expected as Any)")
          continue
        }
        let agree = ours.isNaN ? expected.isNaN : abs(ours - expected) <= 1e-5 * expected
        #expect(agree, "\(name).\(number): \(ours), reference \(expected)")
      }
    }
  }

  private func compare(
    _ ours: Tensor?, _ theirs: RecordedMoments?, _ name: String, mayCancel: Bool = false
  ) {
    #expect(ours?.shape == theirs.map { Shape($0.shape) }, "\(name)")
    guard let ours, let theirs else { return }
    let rounding = mayCancel ? 1e-6 * magnitude(theirs.data.values) : 0
    for (our, their) in zip(ours.scalars(as: Float.self), theirs.data.values) {
      let agree = their.isNaN ? our.isNaN : abs(our - their) <= 1e-5 * abs(their) + rounding
      #expect(agree, "\(name) after step \(step): \(our), reference \(their)")
      if !agree { break }
    }
  }
}

/// Takes all steps of a trajectory, and compares parameters and states with the reference's.
func followTrajectory<Rule: ReferenceRule>(_ reference: Trajectory<Rule>, backend: Backend) throws {
  let run = try TrajectoryRun(reference, backend: backend)
  for (index, step) in reference.steps.enumerated() {
    try run.take(step)
    run.compareParameters(with: reference.record[index])
    for states in reference.states where states.afterStep == index + 1 {
      run.compareStates(with: states)
    }
  }
}

/// Returns the largest magnitude, ignoring NaN.
private func magnitude(_ values: [Float]) -> Float {
  values.reduce(0) { $1.magnitude > $0 ? $1.magnitude : $0 }
}

extension RuleOptimizer {
  /// Returns whether the step size of a parameter is scaled by its RMS.
  fileprivate func scalesParameters(of parameter: Parameter) -> Bool {
    let options = groups.first { $0.parameters.contains { $0 === parameter } }!.options
    return (options as? AdafactorOptions ?? (options as? Specification<AdafactorOptions>)?.base)?
      .scaleParameter
      ?? false
  }
}

import Optimizers
import Tensors
import Testing

/// Our side of a trajectory, and how far it may lie from the reference's.
final class ReferenceRun {
  let parameters: [String: Parameter]
  let initial: [String: [Float]]
  let optimizer: Adafactor
  var step = 0
  /// The largest magnitude that a parameter has had, per name: rounding in the past was relative to it.
  var largest: [String: Float]
  var largestDisplacement: [String: Float] = [:]

  init(_ reference: ReferenceCase, kernels: KernelPathKind) throws {
    var parameters: [String: Parameter] = [:]
    var initial: [String: [Float]] = [:]
    var groups: [ParameterGroup<Adafactor.Options>] = []
    for group in reference.groups {
      var members: [Parameter] = []
      for entry in group.parameters {
        let parameter = Parameter(entry.name, Tensor(entry.initial.values, shape: Shape(entry.shape)))
        parameters[entry.name] = parameter
        initial[entry.name] = entry.initial.values
        members.append(parameter)
      }
      groups.append(ParameterGroup(members, options: group.options))
    }
    self.parameters = parameters
    self.initial = initial
    largest = initial.mapValues(magnitude)
    optimizer = try Adafactor(groups: groups, kernels: kernels, threads: 2)
    for (name, state) in reference.initialStates ?? [:] {
      try optimizer.setState(state.state, of: parameters[name]!)
    }
  }

  func take(_ step: ReferenceCase.Step) throws {
    for change in step.optionChanges ?? [] {
      try optimizer.updateOptions(ofGroup: change.group) { change.apply(to: &$0) }
    }
    for (name, parameter) in parameters {
      parameter.gradient = step.gradients[name]?.map { Tensor($0.values, shape: parameter.value.shape) }
    }
    try optimizer.step()
    self.step += 1
  }

  /// Displacements from the start agree: a step of 10⁻⁶ would hide in a parameter of 1.
  ///
  /// Bound: 10⁻⁵ of the reference's largest displacement, and one unit in the last place of the parameter a step.
  func compareParameters(with record: ReferenceCase.Record) {
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

  /// R, C, V agree to 10⁻⁵ of each element, M to 10⁻⁵ of its largest: updates of both signs cancel in it.
  func compareStates(with record: ReferenceCase.StateRecord) {
    for (name, parameter) in parameters {
      let ours = optimizer.state(of: parameter)
      guard let theirs = record.parameters[name] else {
        #expect(ours == nil, "\(name) has a state, but never had a gradient")
        continue
      }
      #expect(ours?.step == theirs.step)
      compare(ours?.rowMoments, theirs.exp_avg_sq_row, "\(name).exp_avg_sq_row")
      compare(ours?.columnMoments, theirs.exp_avg_sq_col, "\(name).exp_avg_sq_col")
      compare(ours?.secondMoments, theirs.exp_avg_sq, "\(name).exp_avg_sq")
      compare(ours?.firstMoments, theirs.exp_avg, "\(name).exp_avg", relativeToLargest: true)
      if let rms = ours?.rootMeanSquare, let expected = theirs.RMS?.value {
        #expect(rms.isNaN ? expected.isNaN : abs(rms - expected) <= 1e-5 * expected, "\(name).RMS")
      }
    }
  }

  private func compare(
    _ ours: Tensor?, _ theirs: ReferenceCase.Moments?, _ name: String, relativeToLargest: Bool = false
  ) {
    #expect(ours?.shape == theirs.map { Shape($0.shape) }, "\(name)")
    guard let ours, let theirs else { return }
    let floor = relativeToLargest ? magnitude(theirs.data.values) : 0
    for (our, their) in zip(ours.scalars(as: Float.self), theirs.data.values) {
      let agree = their.isNaN ? our.isNaN : abs(our - their) <= 1e-5 * max(abs(their), floor)
      #expect(agree, "\(name) after step \(step): \(our), reference \(their)")
      if !agree { break }
    }
  }
}

/// The largest magnitude, NaN left out.
private func magnitude(_ values: [Float]) -> Float {
  values.reduce(0) { $1.magnitude > $0 ? $1.magnitude : $0 }
}

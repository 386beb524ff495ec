import Optimizers
import Tensors
import Testing

/// Trajectories of 16-bit parameters that the reference computed in Float32, replayed on both backends.
@Suite struct SixteenBitParityTests {
  static let types = [ScalarType.bfloat16, .float16]

  @Test(arguments: types, Backend.available)
  func `Adafactor follows the reference's trajectory`(type: ScalarType, backend: Backend) throws {
    try follow(AdafactorOptions.self, type, backend)
  }

  @Test(arguments: types, Backend.available)
  func `AdamW follows torch's on Float32 copies`(type: ScalarType, backend: Backend) throws {
    try follow(AdamWOptions.self, type, backend)
  }

  /// Every step starts from the reference's parameters: if a value is halfway between two others, either is right, and a
  /// later step would start from another value. The states are always ours.
  private func follow<Rule: ReferenceRule>(
    _: Rule.Type, _ type: ScalarType, _ backend: Backend
  ) throws {
    let reference = try Trajectory<Rule>.load(type.rawValue, in: "sixteen-bit/\(Rule.folder)")
    let run = try TrajectoryRun<Rule>(reference, as: type, backend: backend)
    var before = run.initial
    var moved = Set<String>()
    for (index, step) in reference.steps.enumerated() {
      try run.take(step)
      let record = reference.record[index]
      for (name, theirs) in record.parameters {
        let parameter = run.parameters[name]!
        compare(
          parameter, with: theirs.values, unrounded: try #require(record.unrounded?[name]).values,
          before: before[name]!, "\(name) after step \(index + 1)")
        parameter.value = Tensor(theirs.values, shape: parameter.value.shape).converted(to: type)
        if theirs.values != before[name]! { moved.insert(name) }
        before[name] = theirs.values
      }
      for states in reference.states where states.afterStep == index + 1 {
        run.compareStates(with: states)
      }
    }
    // A single number may stall, even in the reference.
    #expect(moved.isSuperset(of: run.initial.filter { $1.count > 1 }.keys))
  }

  /// Checks that elements have the reference's bits, or are the nearest to a value within the bound of its unrounded
  /// value. The bound is 10⁻⁵ of the step's largest displacement, as in Float32, and one unit in the last place of the
  /// largest parameter.
  private func compare(
    _ parameter: Parameter, with theirs: [Float], unrounded: [Float], before: [Float], _ place: String
  ) {
    #expect(parameter.value.scalarType.byteCount == 2)
    let displacement = zip(unrounded, before).map { abs($0 - $1) }.max()!
    let bound = 1e-5 * displacement + unrounded.map { abs($0) }.max()!.ulp
    let ours = parameter.value.scalars(as: Float.self)
    for (index, our) in ours.enumerated() where our != theirs[index] {
      // At most as far as the reference's from a value that is off by the bound.
      let agree = abs(our - unrounded[index]) <= abs(theirs[index] - unrounded[index]) + 2 * bound
      #expect(agree, "\(place)[\(index)]: \(our), reference \(theirs[index]) of \(unrounded[index])")
      if !agree { break }
    }
  }
}

import Optimizers
import Tensors
import Testing

/// States with numbers that no step produces.
@Suite struct StateValuesTests {
  @Test(arguments: [Double.nan, .infinity, -.infinity, -1])
  func `Moments that are not finite and negative averages of squares are refused by name`(
    value: Double
  ) throws {
    let parameter = Parameter("w", Tensor(ones: [2, 3]))
    let vector = Parameter("v", Tensor(ones: [3], as: .float64))
    let adafactor = try Adafactor([parameter, vector], options: .init(beta1: 0.9))
    let adamW = try AdamW([parameter, vector], options: .init(amsgrad: true))
    for each in [parameter, vector] { each.gradient = each.value }
    try adafactor.step()
    try adamW.step()
    try check(
      adafactor, [parameter, vector], value, squares: ["exp_avg_sq_row", "exp_avg_sq_col", "exp_avg_sq"])
    try check(adamW, [parameter, vector], value, squares: ["exp_avg_sq", "max_exp_avg_sq"])
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity, -1])
  func `An in-place update refuses such a state too, without changing anything`(value: Double) throws {
    try checkInPlace(Adafactor.Options(beta1: 0.9), value, squares: ["exp_avg_sq_row", "exp_avg_sq_col"])
    try checkInPlace(AdamW.Options(amsgrad: true), value, squares: ["exp_avg_sq", "max_exp_avg_sq"])
  }

  private func checkInPlace<Rule: UpdateRule>(_ options: Rule, _ value: Double, squares: Set<String>) throws {
    let rule = try InPlaceUpdate(options: options)
    let gradient: [Float] = [1, 2, 3, 4, 5, 6]
    var stepped = rule.initialState(shape: [2, 3])
    var values = gradient
    try rule.update(&values, gradient: gradient, shape: [2, 3], state: &stepped)
    for (name, tensor) in stepped.tensors where value != -1 || squares.contains(name) {
      var changed = tensor.scalars(as: Float.self)
      changed[1] = Float(value)
      var tensors = stepped.tensors
      tensors[name] = Tensor(changed, shape: tensor.shape)
      var state = Rule.State(step: stepped.step, tensors: tensors, numbers: stepped.numbers)
      let before = values
      let error = OptimizerError.stateValue(
        parameter: "parameter", moments: name, value: "\(value)", index: 1, isSquare: squares.contains(name))
      #expect(throws: error) { try rule.update(&values, gradient: gradient, shape: [2, 3], state: &state) }
      #expect(
        values == before
          && state.tensors[name]?.scalars(as: Float.self)[1].bitPattern == changed[1].bitPattern)
    }
    // The policy decides about the results of its own steps.
    try rule.update(&values, gradient: [Float](repeating: .nan, count: 6), shape: [2, 3], state: &stepped)
    #expect(try rule.update(&values, gradient: gradient, shape: [2, 3], state: &stepped))
  }

  private func check<Rule>(
    _ optimizer: RuleOptimizer<Rule>, _ parameters: [Parameter], _ value: Double, squares: Set<String>
  ) throws {
    let before = optimizer.state()
    for parameter in parameters {
      let state = optimizer.state(of: parameter)!
      for (name, tensor) in state.tensors {
        var values = tensor.scalars(as: Double.self)
        values[1] = value
        var tensors = state.tensors
        tensors[name] = Tensor(scalars: values, shape: tensor.shape).converted(to: tensor.scalarType)
        let changed = Rule.State(step: state.step, tensors: tensors, numbers: state.numbers)
        var saved = before
        saved.parameters[parameter.name] = changed
        let isSquare = squares.contains(name)
        if value == -1 && !isSquare {
          #expect(optimizer.differences(from: saved).isEmpty)
          continue
        }
        let error = OptimizerError.stateValue(
          parameter: parameter.name, moments: name, value: "\(value)", index: 1, isSquare: isSquare)
        #expect(throws: error) { try optimizer.setState(changed, of: parameter) }
        #expect(throws: StateMismatch.self) { try optimizer.restore(saved) }
        #expect(optimizer.differences(from: saved) == [.refused(error)])
        #expect(error.description.contains("\(name) of \"\(parameter.name)\" holds \(value) at index 1"))
        #expect(optimizer.state(of: parameter) == state)
      }
    }
  }
}

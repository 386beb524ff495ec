import Optimizers
import Tensors
import TestSupport
import Testing

/// Training and evaluation weights of schedule-free AdamW.
@Suite struct ScheduleFreeModeTests {
  private static let options = ScheduleFreeAdamWOptions(learningRate: 0.05, beta1: 0.8, warmupSteps: 3)

  /// A matrix and a vector of one type after some steps.
  private final class Training {
    let matrix: Parameter
    let vector: Parameter
    let optimizer: ScheduleFreeAdamW
    private var generator: SeededGenerator

    init(
      _ options: ScheduleFreeAdamWOptions = ScheduleFreeModeTests.options, as type: ScalarType = .float32,
      steps: Int = 4,
      backend: Backend = .default
    ) throws {
      var generator = SeededGenerator(seed: 7)
      matrix = Parameter("matrix", Tensor(normal: [5, 7], using: &generator).converted(to: type))
      vector = Parameter("vector", Tensor(normal: [9], using: &generator).converted(to: type))
      self.generator = generator
      optimizer = try ScheduleFreeAdamW([matrix, vector], options: options, backend: backend, threads: 2)
      for _ in 0..<steps { try step() }
    }

    func step() throws {
      for parameter in optimizer.parameters {
        parameter.gradient = Tensor(normal: parameter.value.shape, using: &generator)
          .converted(to: parameter.value.scalarType)
      }
      try optimizer.step()
    }

    var bits: [Bits] { optimizer.parameters.map { $0.value.bits } }
  }

  @Test(arguments: [ScalarType.float16, .bfloat16, .float32, .float64], Rounding.allCases)
  func `Evaluation weights are x, and training weights are restored bit for bit`(
    type: ScalarType, rounding: Rounding
  ) throws {
    var options = Self.options
    (options.rounding, options.roundingSeed) = (rounding, 3)
    for backend in Backend.available {
      let training = try Training(options, as: type, backend: backend)
      let (optimizer, bits) = (training.optimizer, training.bits)
      let state = try #require(optimizer.state(of: training.matrix))
      #expect(state.isTraining)
      let y = training.matrix.value.scalars(as: Double.self)
      let z = state.tensors["z"]!.scalars(as: Double.self)
      // A residual is at most half a unit in the last place; Float16 keeps it in units of 2⁻¹¹.
      let residual = state.tensors["residual"]?.scalars(as: Double.self).map {
        type == .float16 ? $0 * 0x1p-11 : $0
      }
      #expect((residual != nil) == (rounding == .compensated && (type == .float16 || type == .bfloat16)))
      optimizer.eval()
      #expect(optimizer.state(of: training.matrix)?.isTraining == false)
      // One rounding to the parameter's type, and a few to the type of the arithmetic.
      let unit = [ScalarType.float16: 0x1p-11, .bfloat16: 0x1p-8, .float32: 0x1p-22, .float64: 0x1p-51][type]!
      for (i, x) in training.matrix.value.scalars(as: Double.self).enumerated() {
        let whole = y[i] + (residual?[i] ?? 0)
        let expected = whole + (1 - 1 / 0.8) * (z[i] - whole)
        #expect(abs(x - expected) <= unit * max(abs(expected), abs(whole), abs(z[i])))
      }
      let evaluated = training.bits
      #expect(evaluated != bits)
      optimizer.eval()
      #expect(training.bits == evaluated)
      optimizer.train()
      #expect(training.bits == bits && optimizer.state(of: training.matrix) == state)
      optimizer.train()
      #expect(training.bits == bits && optimizer.state(of: training.matrix) == state)
    }
  }

  @Test func `A step in evaluation mode is refused before anything changes`() throws {
    let training = try Training()
    training.optimizer.eval()
    let (bits, state) = (training.bits, training.optimizer.state())
    #expect(throws: OptimizerError.inEvaluationMode(parameter: "matrix")) { try training.step() }
    #expect(throws: OptimizerError.inEvaluationMode(parameter: "vector")) {
      try training.optimizer.step(training.vector)
    }
    #expect(training.bits == bits && training.optimizer.state() == state)
    // The mode belongs to the parameter: the vector comes first and could be stepped, but the matrix could not.
    let mixed = try Training()
    let vector = try #require(mixed.optimizer.state(of: mixed.vector))
    mixed.optimizer.eval()
    try mixed.optimizer.setState(vector, of: mixed.vector)
    let before = mixed.bits
    #expect(throws: OptimizerError.inEvaluationMode(parameter: "matrix")) { try mixed.step() }
    #expect(mixed.bits == before)

    let update = try InPlaceUpdate(options: Self.options)
    var inPlace = try #require(training.optimizer.state(of: training.vector))
    var values = [Float](repeating: 1, count: 9)
    let error = OptimizerError.inEvaluationMode(parameter: "parameter")
    #expect(throws: error) {
      try update.update(&values, gradient: [Float](repeating: 1, count: 9), shape: [9], state: &inPlace)
    }
    #expect(values == [Float](repeating: 1, count: 9))
    #expect(inPlace == training.optimizer.state(of: training.vector))
    #expect(
      error.description
        == "The parameter \"parameter\" holds its evaluation weights and cannot be stepped: "
        + "call the optimizer's train() first.")
  }

  @Test(arguments: [ScalarType.bfloat16, .float32])
  func `A training run that is evaluated and restored in evaluation mode keeps its bits`(type: ScalarType)
    throws
  {
    for rounding in Rounding.allCases {
      var options = Self.options
      options.rounding = rounding
      let whole = try Training(options, as: type, steps: 8)
      let training = try Training(options, as: type)
      training.optimizer.eval()
      let (saved, values) = (training.optimizer.state(), training.optimizer.parameters.map(\.value))
      // Another optimizer continues from the state.
      let other = try Training(options, as: type)
      try other.optimizer.restore(saved)
      for (parameter, value) in zip(other.optimizer.parameters, values) { parameter.value = value }
      #expect(throws: OptimizerError.inEvaluationMode(parameter: "matrix")) { try other.step() }
      other.optimizer.train()
      // The refused step has drawn gradients.
      let resumed = try Training(options, as: type)
      for (parameter, value) in zip(resumed.optimizer.parameters, other.optimizer.parameters) {
        parameter.value = value.value
      }
      try resumed.optimizer.restore(other.optimizer.state())
      for _ in 0..<4 {
        try resumed.step()
        resumed.optimizer.eval()
        resumed.optimizer.train()
      }
      #expect(resumed.bits == whole.bits)
      #expect(resumed.optimizer.state() == whole.optimizer.state())
    }
  }

  @Test func `Values that are set in evaluation mode are the x that the training continues from`() throws {
    let training = try Training()
    training.optimizer.eval()
    let x = Tensor(repeating: 0.5, shape: [9])
    training.vector.value = x
    let z = try #require(training.optimizer.state(of: training.vector)?.tensors["z"])
    training.optimizer.train()
    // y = β₁ x + (1 − β₁) z, with two roundings.
    for (y, z) in zip(training.vector.value.scalars(as: Double.self), z.scalars(as: Double.self)) {
      #expect(abs(y - (0.8 * 0.5 + 0.2 * z)) <= 1e-6)
    }
    try training.step()
  }

  @Test func `Setting other values invalidates a residual`() throws {
    var options = Self.options
    options.rounding = .compensated
    let training = try Training(options, as: .bfloat16)
    training.optimizer.eval()
    training.vector.value = Tensor(repeating: 0.5, shape: [9]).converted(to: .bfloat16)
    training.optimizer.train()
    let residual = try #require(training.optimizer.state(of: training.vector)?.tensors["residual"])
    #expect(residual == Tensor(zeros: [9], as: .bfloat16))
    let other = try #require(training.optimizer.state(of: training.matrix)?.tensors["residual"])
    #expect(other != Tensor(zeros: [5, 7], as: .bfloat16))
  }

  @Test func `A parameter that was changed to another type is evaluated without its residual`() throws {
    var options = Self.options
    options.rounding = .compensated
    let training = try Training(options, as: .bfloat16)
    training.vector.value = training.vector.value.converted(to: .float64)
    let y = training.vector.value.doubles
    let z = try #require(training.optimizer.state(of: training.vector)?.tensors["z"]).doubles
    training.optimizer.eval()
    for (i, x) in training.vector.value.doubles.enumerated() {
      #expect(abs(x - (y[i] + (1 - 1 / 0.8) * (z[i] - y[i]))) <= 1e-6)
    }
  }

  @Test func `Only parameters of schedule-free groups have evaluation weights, and only after a step`() throws
  {
    let names = ["free", "adamw", "idle"]
    let parameters = names.map { Parameter($0, Tensor(repeating: 1, shape: [3])) }
    let optimizer = try MultiOptimizer([
      ParameterGroup([parameters[0], parameters[2]], options: Self.options),
      ParameterGroup([parameters[1]], options: AdamWOptions()),
    ])
    for parameter in parameters[..<2] { parameter.gradient = Tensor([1, -2, 3], shape: [3]) }
    for _ in 0..<2 { try optimizer.step() }
    let before = parameters.map(\.value)
    optimizer.eval()
    #expect(parameters[0].value != before[0])
    #expect(parameters[1].value == before[1] && parameters[2].value == before[2])
    optimizer.train()
    #expect(parameters.map(\.value) == before)
    try optimizer.step()
  }

  @Test(
    arguments: [
      (["weight_sum": -1.0], "weight_sum"), (["weight_sum": .infinity], "weight_sum"),
      (["lr_max": -2], "lr_max"), (["train_mode": 0.5], "train_mode"),
      (["weight_sum": Double?.none], "weight_sum"), (["lr_max": nil], "lr_max"),
      (["train_mode": nil], "train_mode"),
    ] as [([String: Double?], String)])
  func `A state with an impossible or missing number is refused`(change: [String: Double?], part: String)
    throws
  {
    let training = try Training()
    let state = try #require(training.optimizer.state(of: training.vector))
    var numbers = state.numbers
    for (name, value) in change { numbers[name] = value }
    let changed = ScheduleFreeAdamW.State(step: 4, tensors: state.tensors, numbers: numbers)
    let error = #expect(throws: OptimizerError.self) {
      try training.optimizer.setState(changed, of: training.vector)
    }
    #expect(error?.description.hasPrefix("The \(part) of \"vector\" is ") == true)
    #expect(training.optimizer.state(of: training.vector) == state)
  }

  @Test func `Only a state in evaluation mode includes training weights`() throws {
    let training = try Training()
    let state = try #require(training.optimizer.state(of: training.vector))
    let tensors = state.tensors.merging(["y": training.vector.value]) { $1 }
    let changed = ScheduleFreeAdamW.State(step: 4, tensors: tensors, numbers: state.numbers)
    #expect(
      throws: OptimizerError.stateShape(parameter: "vector", moments: "y", shape: [9], expected: nil)
    ) {
      try training.optimizer.setState(changed, of: training.vector)
    }
  }
}

import Optimizers
import Tensors
import TestSupport
import Testing

/// For each error of an optimizer: its message, and that nothing has changed.
@Suite struct OptimizerErrorTests {
  /// Values out of range, and how to set them.
  static let invalid: [(name: String, value: String, change: @Sendable (inout Adafactor.Options) -> Void)] = [
    ("The learning rate", "-0.5", { $0.learningRate = .constant(-0.5) }),
    ("The learning rate", "nan", { $0.learningRate = .constant(.nan) }),
    ("The learning rate", "inf", { $0.learningRate = .constant(.infinity) }),
    ("squaredGradientEpsilon", "-1.0", { $0.squaredGradientEpsilon = -1 }),
    ("squaredGradientEpsilon", "nan", { $0.squaredGradientEpsilon = .nan }),
    ("parameterScaleEpsilon", "-1.0", { $0.parameterScaleEpsilon = -1 }),
    ("parameterScaleEpsilon", "inf", { $0.parameterScaleEpsilon = .infinity }),
    ("weightDecay", "-1.0", { $0.weightDecay = -1 }),
    ("weightDecay", "nan", { $0.weightDecay = .nan }),
    ("clipThreshold", "0.0", { $0.clipThreshold = 0 }),
    ("clipThreshold", "nan", { $0.clipThreshold = .nan }),
    ("decayRate", "0.8", { $0.decayRate = 0.8 }),
    ("decayRate", "nan", { $0.decayRate = .nan }),
    ("beta1", "1.0", { $0.beta1 = 1 }),
    ("beta1", "-0.5", { $0.beta1 = -0.5 }),
    ("beta1", "nan", { $0.beta1 = .nan }),
  ]

  @Test(arguments: invalid.indices)
  func `Options out of range are refused with name and value, and don't change`(index: Int) throws {
    let (name, value, change) = Self.invalid[index]
    let run = try Run()
    var options = Adafactor.Options()
    change(&options)
    for attempt in [
      { _ = try Adafactor([Parameter("p", Tensor(ones: [1]))], options: options) },
      { try run.optimizer.updateOptions(ofGroup: 0, change) },
    ] as [() throws -> Void] {
      let error = #expect(throws: OptimizerError.self) { try attempt() }
      guard case .invalidOption(name, value, let requirement) = error else {
        Issue.record("\(error?.description ?? "nothing")")
        continue
      }
      #expect(error?.description == "\(name) is \(value): \(requirement)." && requirement.contains("must"))
    }
    #expect(run.optimizer.groups[0].options == Adafactor.Options())
    #expect(run.bits == run.before)
  }

  @Test
  func `No parameters, or a group without parameters, are refused`() {
    refuses(.noParameters(group: 0), saying: ["group 0", "at least one"]) {
      _ = try Adafactor(groups: [])
    }
    refuses(.noParameters(group: 0), saying: ["group 0", "at least one"]) { _ = try Adafactor([]) }
    refuses(.noParameters(group: 1), saying: ["group 1", "at least one"]) {
      let full = ParameterGroup([Parameter("p", Tensor(ones: [1]))], options: Adafactor.Options())
      _ = try Adafactor(groups: [full, ParameterGroup([], options: Adafactor.Options())])
    }
  }

  @Test
  func `A parameter or a name that occurs twice is refused, across groups too`() {
    let (parameter, namesake) = (Parameter("twin", Tensor(ones: [1])), Parameter("twin", Tensor(ones: [2])))
    for other in [parameter, namesake] {
      refuses(.duplicateParameter(name: "twin"), saying: [#""twin""#, "once"]) {
        _ = try Adafactor([parameter, other])
      }
      refuses(.duplicateParameter(name: "twin"), saying: [#""twin""#, "once"]) {
        _ = try Adafactor(groups: [parameter, other].map { ParameterGroup([$0], options: .init()) })
      }
    }
  }

  @Test
  func `A gradient of another shape is refused, and no parameter is stepped`() throws {
    let run = try Run()
    run.parameters[1].gradient = Tensor(ones: [4, 3])
    refuses(
      .gradientShape(parameter: "second", shape: [3, 4], gradient: [4, 3]),
      saying: [#""second""#, "[3, 4]", "[4, 3]", "but its parameter has"]
    ) { try run.optimizer.step() }
    #expect(run.bits == run.before)
  }

  @Test
  func `A value that was replaced with one of another shape or type is refused`() throws {
    for (value, error, words) in [
      (
        Tensor(ones: [30, 40]),
        OptimizerError.stateShape(parameter: "second", moments: "row moments", shape: [3], expected: [30]),
        [#"state of "second""#, "row moments of shape [3]", "[30]", "restore"]
      ),
      (
        Tensor(ones: [3, 4], as: .float64),
        .stateType(parameter: "second", moments: "row moments", type: .float32, expected: .float64),
        [#"state of "second""#, "row moments of type float32", "float64", "convert"]
      ),
    ] {
      let run = try Run()
      run.parameters[1].value = value
      run.parameters[1].gradient = Tensor(ones: value.shape, as: value.scalarType)
      let before = run.bits
      refuses(error, saying: words) { try run.optimizer.step() }
      #expect(run.bits == before)
    }
  }

  @Test
  func `A gradient that is not finite is refused if the policy requires it`() throws {
    let run = try Run(policy: .throwError)
    run.parameters[1].gradient = Tensor(repeating: .infinity, shape: [3, 4])
    refuses(
      .nonFiniteGradient(parameter: "second"),
      saying: [#""second""#, "not finite", "Nothing was stepped", "skipStep"]
    ) { try run.optimizer.step() }
    #expect(run.bits == run.before)
  }

  @Test
  func `A parameter of another optimizer has no state here, and its state cannot be set`() throws {
    let run = try Run()
    let stranger = Parameter("stranger", Tensor(ones: [3]))
    #expect(run.optimizer.state(of: stranger) == nil)
    refuses(.unknownParameter(name: "stranger"), saying: [#""stranger""#, "does not belong"]) {
      try run.optimizer.setState(run.optimizer.state(of: run.parameters[0])!, of: stranger)
    }
    #expect(run.bits == run.before)
  }

  @Test
  func `A group that does not exist is refused`() throws {
    let run = try Run()
    for index in [-1, 1] {
      refuses(.noGroup(index: index, count: 1), saying: ["group \(index)", "has 1"]) {
        try run.optimizer.updateOptions(ofGroup: index) { $0.beta1 = 0.5 }
      }
    }
    #expect(run.optimizer.groups[0].options == Adafactor.Options())
  }

  /// States that do not fit a 3 × 4 matrix or a vector of 3.
  static let misfits:
    [(parameter: Int, state: Adafactor.State, moments: String, shape: Shape?, expected: Shape?)] = [
      (1, .init(step: 1), "row moments", nil, [3]),
      (
        1, .init(step: 1, rowMoments: Tensor(ones: [4]), columnMoments: Tensor(ones: [3])), "row moments",
        [4], [3]
      ),
      (1, .init(step: 1, rowMoments: Tensor(ones: [3])), "column moments", nil, [4]),
      (
        1, .init(step: 1, rowMoments: Tensor(ones: [3]), columnMoments: Tensor(ones: [1, 4])),
        "column moments",
        [1, 4], [4]
      ),
      (
        1,
        .init(
          step: 1, rowMoments: Tensor(ones: [3]), columnMoments: Tensor(ones: [4]),
          secondMoments: Tensor(ones: [3, 4])), "second moments", [3, 4], nil
      ),
      (
        1,
        .init(
          step: 1, rowMoments: Tensor(ones: [3]), columnMoments: Tensor(ones: [4]),
          firstMoments: Tensor(ones: [12])), "first moments", [12], [3, 4]
      ),
      (0, .init(step: 1), "second moments", nil, [3]),
      (0, .init(step: 1, secondMoments: Tensor(ones: [4])), "second moments", [4], [3]),
      (
        0, .init(step: 1, rowMoments: Tensor(ones: []), secondMoments: Tensor(ones: [3])), "row moments", [],
        nil
      ),
    ]

  @Test(arguments: misfits.indices)
  func `Moments of another shape are refused`(index: Int) throws {
    let (parameter, state, moments, shape, expected) = Self.misfits[index]
    let run = try Run()
    let name = run.parameters[parameter].name
    refuses(
      .stateShape(parameter: name, moments: moments, shape: shape, expected: expected),
      saying: [
        moments, "\"\(name)\"", shape?.description ?? "no \(moments)", expected?.description ?? "none",
        "restore",
      ]
    ) { try run.optimizer.setState(state, of: run.parameters[parameter]) }
    #expect(run.bits == run.before)
  }

  @Test
  func `Moments of another type, and negative steps, are refused`() throws {
    let run = try Run()
    refuses(
      .stateType(parameter: "first", moments: "second moments", type: .float64, expected: .float32),
      saying: [#"state of "first""#, "second moments of type float64", "float32", "convert"]
    ) {
      try run.optimizer.setState(
        .init(step: 1, secondMoments: Tensor(ones: [3], as: .float64)), of: run.parameters[0])
    }
    let error = #expect(throws: OptimizerError.self) {
      try run.optimizer.setState(.init(step: -1, secondMoments: Tensor(ones: [3])), of: run.parameters[0])
    }
    #expect(error?.description.contains(#"step of "first" is -1"#) == true)
    #expect(run.bits == run.before)
  }

  /// Expects this error, with a message that contains all these words.
  private func refuses(
    _ expected: OptimizerError, saying words: [String], sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
  ) {
    let error = #expect(throws: OptimizerError.self, sourceLocation: sourceLocation) { try body() }
    #expect(error == expected, sourceLocation: sourceLocation)
    for word in words {
      #expect(
        expected.description.contains(word), "\(expected.description)", sourceLocation: sourceLocation)
    }
  }

  /// A vector of 3 and a matrix of 3 × 4 after one step, with gradients for the next.
  private struct Run {
    let parameters = [Parameter("first", Tensor(ones: [3])), Parameter("second", Tensor(ones: [3, 4]))]
    let optimizer: Adafactor
    private(set) var before: [ParameterBits] = []

    init(policy: NonFinitePolicy = .propagate) throws {
      optimizer = try Adafactor(parameters, nonFinitePolicy: policy)
      for parameter in parameters { parameter.gradient = Tensor(ones: parameter.value.shape) }
      try optimizer.step()
      before = bits
    }

    var bits: [ParameterBits] { parameters.map { ParameterBits($0, optimizer) } }
  }
}

import KernelInterface
import Optimizers
import Tensors
import TestSupport
import Testing

/// Finite updates that make a finite parameter infinite, because of an extreme rate or weight decay.
@Suite struct OverflowTests {
  /// An optimizer of one parameter.
  typealias Maker = @Sendable ([Parameter], NonFinitePolicy, Backend) throws -> Optimizer

  /// Shapes that one thread steps by itself, and shapes with several blocks, of each block form.
  static let shapes: [Shape] = [
    [11], [17_000], [7, 11], [150, 130], [4, 5_000], [500, 3, 3], [9_000, 1],
  ]

  /// The name, and an optimizer with a weight decay of 1e30 and one with a rate of 1e36.
  static let makers: [(name: String, decides: Bool, decay: Maker, rate: Maker)] = [
    (
      "adamw", true,
      { try AdamW($0, options: .init(learningRate: 1, weightDecay: 1e30), nonFinitePolicy: $1, backend: $2) },
      {
        try AdamW(
          $0, options: .init(learningRate: 3e38, weightDecay: 0), nonFinitePolicy: $1, backend: $2)
      }
    ),
    (
      "adafactor", true,
      {
        try Adafactor(
          $0, options: .init(learningRate: .constant(1), weightDecay: 1e30, scaleParameter: false),
          nonFinitePolicy: $1, backend: $2)
      },
      { parameters, policy, backend in
        try Adafactor(
          parameters, options: .init(learningRate: .constant(1e5), scaleParameter: false),
          nonFinitePolicy: policy, backend: backend)
      }
    ),
    (
      "sgd", false,
      {
        try SGD($0, options: .init(learningRate: 1, weightDecay: 1e30), nonFinitePolicy: $1, backend: $2)
      },
      { try SGD($0, options: .init(learningRate: 3e38), nonFinitePolicy: $1, backend: $2) }
    ),
    (
      "lion", false,
      {
        try Lion($0, options: .init(learningRate: 1, weightDecay: 1e30), nonFinitePolicy: $1, backend: $2)
      },
      { try Lion($0, options: .init(learningRate: 3e38), nonFinitePolicy: $1, backend: $2) }
    ),
  ]

  /// Returns a parameter of this value, with a gradient of ones.
  private func parameter(
    _ shape: Shape, _ type: ScalarType, repeating value: Double, last: Double? = nil
  ) -> Parameter {
    var values = [Double](repeating: value, count: shape.elementCount)
    if let last { values[values.count - 1] = last }
    let parameter = Parameter("p", Tensor(scalars: values, shape: shape).converted(to: type))
    parameter.gradient = Tensor(ones: shape, as: type)
    return parameter
  }

  private func isFinite(_ tensor: Tensor) -> Bool {
    tensor.scalars(as: Float.self).allSatisfy(\.isFinite)
  }

  @Test(arguments: makers.indices, shapes)
  func `A weight decay that takes one element out of range is reported, before the step if possible`(
    index: Int, shape: Shape
  ) throws {
    let (name, decides, make, _) = Self.makers[index]
    for backend in Backend.available {
      for policy in NonFinitePolicy.allCases {
        // 1e30 · 1e10 is beyond the range, 1e30 · 1e3 is not.
        for (last, overflows) in [(1e10, true), (1e3, false)] where overflows || policy == .throwError {
          let parameter = parameter(shape, .float32, repeating: 1, last: last)
          let before = parameter.value
          let optimizer = try make([parameter], policy, backend)
          let isDecided = overflows && decides && policy != .propagate
          if overflows && policy == .throwError {
            let error: OptimizerError =
              decides ? .nonFiniteGradient(parameter: "p") : .infiniteParameter(parameter: "p")
            #expect(throws: error, "\(name)") { try optimizer.step() }
          } else {
            let report = try optimizer.step()
            #expect(report.nonFinite == (overflows ? ["p"] : []), "\(name) \(policy) \(last)")
            #expect(report.steppedCount == (isDecided ? 0 : 1), "\(name) \(policy) \(last)")
          }
          #expect((parameter.value == before) == isDecided, "\(name) \(policy) \(last)")
          #expect((optimizer.state().parameters["p"] == nil) == isDecided)
        }
      }
    }
  }

  @Test(arguments: makers.indices)
  func `A rate that takes 16-bit parameters out of their range is reported`(index: Int) throws {
    let (name, decides, _, make) = Self.makers[index]
    // This is out of the range of Float16, and also of bfloat16: -1e38 - 3e38.
    let type = name == "adafactor" ? ScalarType.float16 : .bfloat16
    let value = name == "adafactor" ? -6e4 : -1e38
    for shape in Self.shapes {
      for policy in [NonFinitePolicy.propagate, .skipParameter] {
        let parameter = parameter(shape, type, repeating: value)
        let optimizer = try make([parameter], policy, .default)
        let report = try optimizer.step()
        #expect(report.nonFinite == ["p"], "\(name) \(shape) \(policy)")
        let isDecided = policy != .propagate && decides && name != "adafactor"
        #expect(report.steppedCount == (isDecided ? 0 : 1), "\(name) \(shape) \(policy)")
        #expect(isFinite(parameter.value) == isDecided)
      }
    }
  }

  @Test func `Adafactor detects a rate with updates out of the range of Float16 before the step`() throws {
    for (rate, beta1, isDecided) in [(1e6, nil, true), (1e6, 0.9, false), (1e2, nil, false)] {
      for shape in Self.shapes {
        let parameter = parameter(shape, .float16, repeating: -6e4)
        let optimizer = try Adafactor(
          [parameter],
          options: .init(learningRate: .constant(rate), beta1: beta1, scaleParameter: false),
          nonFinitePolicy: .skipParameter)
        let report = try optimizer.step()
        #expect(report.steppedCount == (isDecided ? 0 : 1), "\(rate) \(shape)")
        #expect(report.nonFinite == (rate == 1e6 ? ["p"] : []))
      }
    }
  }

  @Test(arguments: [Rounding.stochastic, .compensated])
  func `Results of other roundings are checked too`(rounding: Rounding) throws {
    let optimizers: [Maker] = [
      {
        try AdamW($0, options: .init(learningRate: 1e5, rounding: rounding), nonFinitePolicy: $1, backend: $2)
      },
      {
        try Adafactor(
          $0,
          options: .init(learningRate: .constant(1e5), scaleParameter: false, rounding: rounding),
          nonFinitePolicy: $1, backend: $2)
      },
      {
        try SGD($0, options: .init(learningRate: 1e5, rounding: rounding), nonFinitePolicy: $1, backend: $2)
      },
    ]
    for make in optimizers {
      for (type, isInfinite) in [(ScalarType.float16, true), (.bfloat16, false)] {
        let parameter = parameter([5000], type, repeating: 1)
        #expect(try make([parameter], .propagate, .default).step().nonFinite == (isInfinite ? ["p"] : []))
        #expect(isFinite(parameter.value) == !isInfinite)
      }
    }
  }

  @Test(arguments: makers.indices, NonFinitePolicy.allCases)
  func `A NaN already in the parameter, and squares that overflow, are not reported`(
    index: Int, policy: NonFinitePolicy
  ) throws {
    // 1e30 has no square in Float32; RMS(P) is not needed here.
    for last in [Double.nan, 1e30] {
      for shape in Self.shapes {
        let parameter = parameter(shape, .float32, repeating: 1, last: last)
        let optimizer: Optimizer =
          switch index {
          case 0: try AdamW([parameter], nonFinitePolicy: policy)
          case 1:
            try Adafactor(
              [parameter], options: .init(learningRate: .constant(1e-3), scaleParameter: false),
              nonFinitePolicy: policy)
          case 2: try SGD([parameter], nonFinitePolicy: policy)
          default: try Lion([parameter], nonFinitePolicy: policy)
          }
        for _ in 0..<2 {
          let report = try optimizer.step()
          #expect(report.nonFinite == [] && report.steppedCount == 1, "\(last) \(shape)")
        }
      }
    }
  }

  @Test(arguments: [NonFinitePolicy.propagate, .skipParameter])
  func `An overflow that only the new parameter shows is reported, and AdamW can continue after it`(
    policy: NonFinitePolicy
  ) throws {
    let parameter = parameter([5], .float32, repeating: 1)
    let optimizer = try AdamW(
      [parameter], options: .init(learningRate: 1e20, weightDecay: 0), nonFinitePolicy: policy)
    // No step produces such an average of gradients with squares of 0, so nothing predicts the update.
    try optimizer.setState(
      .init(
        step: 1, firstMoments: Tensor(repeating: 1e30, shape: [5]), secondMoments: Tensor(zeros: [5]),
        maximum: nil), of: parameter)
    let report = try optimizer.step()
    #expect(report.nonFinite == ["p"] && report.steppedCount == 1)
    #expect(!isFinite(parameter.value))
    parameter.value = Tensor(ones: [5])
    try optimizer.updateOptions(ofGroup: 0) { $0.learningRate = 1e-38 }
    #expect(try optimizer.step() == StepReport(steppedCount: 1, nonFinite: []))
    #expect(isFinite(parameter.value))
  }

  @Test func `A decision that reads the parameter ignores a NaN in it`() throws {
    for count in [11, 17_000] {
      let parameter = parameter([count], .float32, repeating: 1, last: .nan)
      let optimizer = try AdamW(
        [parameter], options: .init(learningRate: 1, weightDecay: 1e30), nonFinitePolicy: .skipParameter)
      #expect(try optimizer.step() == StepReport(steppedCount: 1, nonFinite: []))
    }
  }

  @Test func `An elementwise rule checks Float16 for any rate`() throws {
    for (gradient, isInfinite) in [(6e4, true), (1, false)] {
      let parameter = parameter([17_000], .float16, repeating: -6e4)
      parameter.gradient = Tensor(repeating: gradient, shape: [17_000])
      let report = try SGD([parameter], options: .init(learningRate: 1)).step()
      #expect(report == StepReport(steppedCount: 1, nonFinite: isInfinite ? ["p"] : []))
    }
  }

  @Test(arguments: [ScalarType.float16, .float32], Backend.available)
  func `Rules on tensors check their results`(type: ScalarType, backend: Backend) throws {
    func report(_ rule: some UpdateRule, shape: Shape = [40, 50]) throws -> StepReport {
      let parameter = parameter(shape, type, repeating: 1, last: type == .float16 ? 6e4 : 1e18)
      return try RuleOptimizer([parameter], options: rule, backend: backend).step()
    }
    let (stepped, infinite) = (
      StepReport(steppedCount: 1, nonFinite: []), StepReport(steppedCount: 1, nonFinite: ["p"])
    )
    #expect(try report(MuonOptions(learningRate: 1e-3, weightDecay: 1e30)) == infinite)
    #expect(try report(MuonOptions(learningRate: 1e-3, weightDecay: 0.1)) == stepped)
    #expect(try report(StableAdamWOptions(learningRate: 1, weightDecay: 1e30)) == infinite)
    #expect(try report(StableAdamWOptions(learningRate: 1e-3, weightDecay: 0.1), shape: [3]) == stepped)
    #expect(try report(CAMEOptions(learningRate: 1, weightDecay: 1e30)) == infinite)
  }

  @Test func `An in-place update reports whether it was made`() throws {
    let update = try InPlaceUpdate(options: SGD.Options(learningRate: 1, weightDecay: 1e30))
    var state = update.initialState(shape: [3])
    var values: [Float] = [1, 1, 1e10]
    #expect(
      try update.update(
        &values, gradient: [Float](repeating: 1, count: 3), shape: [3], state: &state,
        nonFinitePolicy: .skipParameter))
    #expect(state.step == 1 && values[2].isInfinite)
    values = [1, 1, 1e10]
    #expect(throws: OptimizerError.infiniteParameter(parameter: "parameter")) {
      try update.update(
        &values, gradient: [Float](repeating: 1, count: 3), shape: [3], state: &state,
        nonFinitePolicy: .throwError)
    }
    #expect(state.step == 2)
  }

  @Test func `More threads than are available change nothing`() throws {
    for count in [Int.max, 100_000, 3] {
      let (many, one) = (
        parameter([300, 500], .float32, repeating: 1), parameter([300, 500], .float32, repeating: 1)
      )
      let optimizer = try Adafactor([many], threads: count)
      #expect(optimizer.threads == count)
      try optimizer.step()
      #expect(optimizer.workspaceByteCount < 1 << 22)
      try Adafactor([one], threads: 1).step()
      #expect(many.value == one.value)
    }
  }
}

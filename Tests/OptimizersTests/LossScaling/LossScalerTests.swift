import Foundation
import Optimizers
import Tensors
import TestSupport
import Testing

/// The loss scale beyond the reference's numbers: the gradients that pass, errors, and saved values.
@Suite struct LossScalerTests {
  private func parameter(_ name: String = "p", _ gradient: [Float] = [3, 4]) -> Parameter {
    let parameter = Parameter(name, Tensor(zeros: [gradient.count]))
    parameter.gradient = Tensor(gradient)
    return parameter
  }

  @Test func `Losses are multiplied and gradients divided by the scale`() throws {
    let scaler = try LossScaler(.init(scale: 8))
    #expect(scaler.scaled(0.5) == 4)
    #expect(scaler.scaled(Tensor([1, -2])) == Tensor([8, -16]))
    let parameter = parameter()
    parameter.gradientScale = 0.5
    try scaler.unscale([parameter])
    #expect(parameter.gradient == Tensor([3, 4]))
    #expect(parameter.gradientScale == 0.0625)
  }

  @Test(
    arguments: Backend.available,
    [
      (Float.nan, false), (.infinity, false), (-.infinity, false), (3e38, true),
      (.leastNonzeroMagnitude, true),
    ])
  func `One element decides, wherever it is`(backend: Backend, element: (Float, Bool)) throws {
    for (count, place) in [(1, 0), (9, 8), (2048, 2047), (40_000, 33_333)] {
      let scaler = try LossScaler(backend: backend, threads: 2)
      var values = [Float](repeating: 1, count: count)
      values[place] = element.0
      let parameter = parameter("p", values)
      let result = try scaler.step([parameter]) { 1 }
      #expect((result != nil) == element.1, "element \(place) of \(count)")
      try scaler.update()
      #expect(scaler.scale == (element.1 ? 65536 : 32768))
    }
  }

  @Test func `Float16 and Float64 gradients are checked in their own type`() throws {
    for (type, element, isFinite) in [
      (ScalarType.float16, 65504.0, true), (.float16, 1e6, false), (.bfloat16, 3e38, true),
      (.bfloat16, .nan, false), (.float64, 1e200, true), (.float64, .infinity, false),
    ] {
      let parameter = Parameter("p", Tensor(zeros: [5]))
      parameter.gradient = Tensor(repeating: element, shape: [5], as: type)
      let scaler = try LossScaler()
      #expect(try (scaler.step([parameter]) { 1 } != nil) == isFinite, "\(element) in \(type)")
    }
  }

  @Test(arguments: [true, false])
  func `An optimizer is stepped if all of its gradients are finite`(isEnabled: Bool) throws {
    let (good, bad) = (parameter("good"), parameter("bad", [1, 2]))
    let optimizer = try AdamW([good, bad])
    let scaler = try LossScaler(.init(scale: 4), isEnabled: isEnabled)
    #expect(try scaler.step(optimizer)?.steppedCount == 2)
    #expect(good.gradientScale == (isEnabled ? 0.25 : 1))
    try scaler.update()
    good.gradient = Tensor([3, 4])
    bad.gradient = Tensor([1, .nan])
    let report = try scaler.step(optimizer)
    #expect(report?.steppedCount == (isEnabled ? nil : 2))
    #expect(optimizer.state(of: good)?.step == (isEnabled ? 1 : 2))
  }

  @Test func `A step is skipped if a gradient is not finite`() throws {
    let parameters = [parameter("good"), parameter("bad", [1, .nan])]
    let optimizer = try Adafactor(parameters)
    let scaler = try LossScaler()
    #expect(try scaler.step(parameters) { try optimizer.step() } == nil)
    #expect(parameters.allSatisfy { $0.value == Tensor(zeros: [2]) })
    #expect(optimizer.state(of: parameters[0]) == nil)
    try scaler.update()
    #expect(scaler.scale == 32768)
    parameters[0].gradient = Tensor([1, 1])
    parameters[1].gradient = Tensor([1, 1])
    #expect(try scaler.step(parameters) { try optimizer.step() }?.steppedCount == 2)
  }

  @Test func `One update covers several steps`() throws {
    let (good, bad) = (parameter("good"), parameter("bad", [.infinity, 1]))
    let scaler = try LossScaler()
    #expect(try scaler.step([good]) { 1 } == 1)
    #expect(try scaler.step([bad]) { 1 } == nil)
    try scaler.update()
    #expect(scaler.scale == 32768)
  }

  @Test func `A disabled scaler does not change anything`() throws {
    let scaler = try LossScaler(isEnabled: false)
    let parameter = parameter("p", [.nan, 1])
    #expect(scaler.scale == 1 && scaler.scaled(2) == 2)
    try scaler.unscale([parameter])
    try scaler.unscale([parameter])
    #expect(try scaler.step([parameter]) { 1 } == 1)
    try scaler.update()
    #expect(parameter.gradientScale == 1)
    #expect(scaler.state == .init())
  }

  // MARK: Orders

  @Test func `Unscaling and stepping twice are refused`() throws {
    let scaler = try LossScaler(.init(scale: 2))
    let parameter = parameter()
    #expect(throws: LossScalerError.nothingChecked) { try scaler.update() }
    try scaler.unscale([parameter])
    #expect(throws: LossScalerError.alreadyUnscaled(parameter: "p")) { try scaler.unscale([parameter]) }
    #expect(parameter.gradientScale == 0.5)
    try scaler.step([parameter]) {}
    #expect(throws: LossScalerError.alreadyStepped(parameter: "p")) { try scaler.step([parameter]) {} }
    #expect(throws: LossScalerError.unscaledAfterStep(parameter: "p")) { try scaler.unscale([parameter]) }
    try scaler.update()
    // The same gradient in the next iteration no longer includes the loss scale.
    #expect(throws: LossScalerError.alreadyUnscaled(parameter: "p")) { try scaler.step([parameter]) {} }
    parameter.gradient = nil
    #expect(throws: LossScalerError.noGradients) { try scaler.step([parameter]) {} }
  }

  @Test func `A gradient that was clipped first, or replaced afterwards, is refused`() throws {
    let scaler = try LossScaler(.init(scale: 2))
    let parameter = parameter()
    try [parameter].clipGradientNorm(maxNorm: 1)
    #expect(throws: LossScalerError.clippedBeforeUnscaling(parameter: "p")) {
      try scaler.unscale([parameter])
    }
    #expect(throws: LossScalerError.clippedBeforeUnscaling(parameter: "p")) {
      try scaler.step([parameter]) {}
    }
    parameter.gradient = Tensor([1, 1])
    try scaler.unscale([parameter])
    parameter.gradient = Tensor([2, 2])
    #expect(throws: LossScalerError.gradientReplaced(parameter: "p")) { try scaler.step([parameter]) {} }
  }

  @Test func `Values clipped after unscaling are accepted`() throws {
    let scaler = try LossScaler(.init(scale: 2))
    let parameter = parameter()
    try scaler.unscale([parameter])
    try [parameter].clipGradientValues(maxValue: 1.75)
    #expect(parameter.effectiveGradient == [1.5, 1.75])
    #expect(try scaler.step([parameter]) { 1 } == 1)
  }

  @Test func `A body that throws can be run again`() throws {
    struct Failure: Error {}
    let scaler = try LossScaler()
    let parameter = parameter()
    #expect(throws: Failure.self) { try scaler.step([parameter]) { throw Failure() } }
    #expect(try scaler.step([parameter]) { 1 } == 1)
  }

  // MARK: State

  @Test func `The state is torch's, and survives JSON`() throws {
    let state = LossScaler.State(scale: 1000.5, growthFactor: 3, growthInterval: 7, growthTracker: 6)
    let data = try JSONEncoder().encode(state)
    let names = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any]).keys.sorted()
    let reference = try TrainingReference.load("loss-scaler", as: TrainingReference.Scaler.self)
    #expect(names == reference.cases[0].stateNames)
    let scaler = try LossScaler()
    try scaler.restore(JSONDecoder().decode(LossScaler.State.self, from: data))
    #expect(scaler.state == state)
    try scaler.step([parameter()]) {}
    try scaler.update()
    #expect(scaler.state.growthTracker == 0 && scaler.scale == 3001.5)
  }

  @Test(arguments: [
    LossScaler.State(scale: 0), .init(scale: .infinity), .init(scale: .nan), .init(scale: 1e39),
    .init(growthFactor: 1), .init(growthFactor: .infinity), .init(backoffFactor: 1), .init(backoffFactor: 0),
    .init(growthInterval: 0), .init(growthInterval: 5, growthTracker: 5), .init(growthTracker: -1),
  ])
  func `States out of range are refused`(state: LossScaler.State) throws {
    #expect(throws: LossScalerError.self) { try LossScaler(state) }
    let scaler = try LossScaler(.init(scale: 4))
    #expect(throws: LossScalerError.self) { try scaler.restore(state) }
    #expect(scaler.scale == 4)
  }

  @Test func `A scale never becomes 0 or infinite`() throws {
    let tiny = try LossScaler(.init(scale: 1e-45))
    try tiny.step([parameter("p", [.nan])]) {}
    try tiny.update()
    #expect(tiny.scale > 0)
  }
}

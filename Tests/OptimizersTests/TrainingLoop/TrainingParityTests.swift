import Optimizers
import Tensors
import TestSupport
import Testing

/// Clipping, the loss scale and whole loops of torch, replayed on both backends.
@Suite struct TrainingParityTests {
  /// A relative tolerance: torch's float32 sum over the 121 elements of these gradients has at most as many roundings,
  /// and its powers and the coefficient have a few more.
  private static let normTolerance = 130 * GradientOracle.floatRoundoff

  @Test(arguments: Backend.available)
  func `Gradients are clipped by norm as torch does`(backend: Backend) throws {
    let reference = try TrainingReference.load("clipping", as: TrainingReference.Clipping.self)
    for (index, expected) in reference.norms.enumerated() {
      let parameters = parameters(reference.shapes, expected.gradients)
      let norm = try parameters.clipGradientNorm(
        maxNorm: expected.maximum, norm: expected.kind, backend: backend)
      #expect(
        agree([norm], [expected.norm.value]) { _ in Self.normTolerance * expected.norm.value }
          || norm == expected.norm.value, "case \(index): \(norm), torch \(expected.norm.value)")
      for parameter in parameters {
        let theirs = expected.clipped[parameter.name]!.values.map(Double.init)
        #expect(
          agree(theirs, parameter.effectiveGradient!) { 2 * Self.normTolerance * abs(theirs[$0]) },
          "\(parameter.name) of case \(index)")
      }
    }
  }

  @Test func `Gradients are clipped by value as torch does`() throws {
    let reference = try TrainingReference.load("clipping", as: TrainingReference.Clipping.self)
    for (index, expected) in reference.values.enumerated() {
      let parameters = parameters(reference.shapes, expected.gradients)
      try parameters.clipGradientValues(maxValue: expected.maximum)
      for parameter in parameters {
        let theirs = expected.clipped[parameter.name]!.values.map(Double.init)
        #expect(agree(theirs, parameter.effectiveGradient!) { _ in 0 }, "\(parameter.name) of case \(index)")
      }
    }
  }

  @Test func `The loss scale changes as in torch`() throws {
    let reference = try TrainingReference.load("loss-scaler", as: TrainingReference.Scaler.self)
    for (index, expected) in reference.cases.enumerated() {
      let scaler = try LossScaler(expected.settings.state)
      let parameter = Parameter("p", Tensor(zeros: [3]))
      for (step, update) in expected.updates.enumerated() {
        parameter.gradient = Tensor(repeating: update.finite ? 1 : .infinity, shape: [3])
        let stepped: Void? = try scaler.step([parameter]) {}
        #expect((stepped != nil) == update.finite)
        try scaler.update()
        #expect(scaler.scale == update.scale, "case \(index), update \(step)")
        #expect(scaler.state.growthTracker == update.growthTracker, "case \(index), update \(step)")
      }
    }
  }

  @Test(arguments: ["accumulation", "whole-loop"], Backend.available)
  func `Micro-batches follow torch's loop over large batches`(name: String, backend: Backend) throws {
    let reference = try TrainingReference.load(name, as: TrainingReference.Loop.self)
    let parameters = reference.initial.map {
      Parameter($0.name, Tensor($0.initial.values, shape: Shape($0.shape)))
    }
    let optimizer = try Adafactor(parameters, backend: backend, threads: 2)
    let accumulator = GradientAccumulator(parameters, backend: backend, threads: 2)
    let scaler = try LossScaler(
      .init(scale: 1024, growthInterval: 2), isEnabled: reference.scaled, backend: backend)
    for (index, step) in reference.steps.enumerated() {
      for batch in step.microBatches {
        for parameter in parameters {
          parameter.gradient = Tensor(
            batch.gradients[parameter.name]!.values, shape: parameter.value.shape)
        }
        try accumulator.add(weight: batch.tokens)
      }
      try accumulator.apply()
      try scaler.unscale(parameters)
      if let maximum = reference.maximum {
        let norm = try parameters.clipGradientNorm(maxNorm: maximum, backend: backend)
        let theirs = step.norm!.value
        // Sums over the same tokens in another order, followed by torch's float32 norm.
        #expect(
          norm == theirs || abs(norm - theirs) <= 1e-5 * theirs, "norm of step \(index): \(norm), \(theirs)")
      }
      for parameter in parameters {
        let theirs = step.gradients[parameter.name]!.values.map(Double.init)
        let largest = theirs.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
        #expect(
          agree(theirs, parameter.effectiveGradient!) { _ in 1e-5 * largest },
          "gradient of \(parameter.name) in step \(index)")
      }
      try scaler.step(parameters) { try optimizer.step() }
      try scaler.update()
      accumulator.reset()

      #expect(scaler.scale == step.scale, "step \(index)")
      for (parameter, initial) in zip(parameters, reference.initial) {
        // As for Adafactor's own trajectories: relative to the distance so far, and a unit in the last place
        // per step.
        let theirs = step.parameters[parameter.name]!.values
        let way = zip(theirs, initial.initial.values).map { abs($0 - $1) }.max()!
        let bound = 1e-5 * way + Float(index + 1) * theirs.map(abs).max()!.ulp
        let ours = parameter.value.scalars(as: Float.self)
        let error = zip(ours, theirs).map { abs($0 - $1) }.max()!
        #expect(error <= bound, "\(parameter.name) after step \(index): off by \(error), bound \(bound)")
      }
    }
  }

  private func parameters(_ shapes: [String: [Int]], _ gradients: [String: Base64Floats]) -> [Parameter] {
    shapes.keys.sorted().map { name in
      let shape = Shape(shapes[name]!)
      let parameter = Parameter(name, Tensor(zeros: shape))
      parameter.gradient = Tensor(gradients[name]!.values, shape: shape)
      return parameter
    }
  }
}

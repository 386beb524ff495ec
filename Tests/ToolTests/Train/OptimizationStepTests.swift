import Optimizers
import Tensors
import Testing

@testable import adafactor

@Suite("Steps of a training run")
struct OptimizationStepTests {
  /// Two classes that a line separates, with 30 samples.
  private static let points: Dataset = {
    var generator = SeededGenerator(seed: 4)
    let x = Tensor(normal: [30, 2], as: .float64, using: &generator)
    let rows = (0..<30).map { "\(x[$0, 0]),\(x[$0, 1]),\(x[$0, 0] > x[$0, 1] ? "up" : "down")\n" }
    return try! Dataset(Table(bytes: Array(rows.joined().utf8), path: "points"))
  }()

  private func samples(as type: ScalarType, scaledBy factor: Double = 1) -> Dataset {
    var samples = Self.points
    samples.features = (samples.features * factor).converted(to: type)
    return samples
  }

  private func step(_ change: (inout TrainingSettings) -> Void) throws -> OptimizationStep {
    var settings = TrainingSettings()
    change(&settings)
    var generator = SeededGenerator(seed: 7)
    let model = Perceptron(widths: [2, 6, 2], as: settings.scalarType, using: &generator)
    return try OptimizationStep(model, settings: settings)
  }

  /// Returns the norm of all gradients that the optimizer received.
  private func gradientNorm(_ model: Perceptron) throws -> Double {
    try model.parameters.reduce(0) { sum, parameter in
      let gradient = try #require(parameter.gradient).converted(to: .float64).scalars(as: Double.self)
      return gradient.reduce(sum) { $0 + ($1 * parameter.gradientScale) * ($1 * parameter.gradientScale) }
    }.squareRoot()
  }

  @Test(arguments: [ScalarType.float32, .bfloat16, .float16])
  func `The optimizer receives the unscaled gradient, clipped to the maximum norm`(
    type: ScalarType
  ) throws {
    let exact = try step { $0.scalarType = .float64 }
    // The same weights as the ones that were rounded to 16 bits.
    let whole = try step { settings in
      settings.scalarType = type
      settings.clipNorm = 1e6
    }
    for (parameter, rounded) in zip(exact.model.parameters, whole.model.parameters) {
      parameter.value = rounded.value.converted(to: .float64)
    }
    _ = try exact([samples(as: .float64)])
    _ = try whole([samples(as: type)])
    let norm = try gradientNorm(exact.model)
    // About ten roundings in a row, of samples, sums and differences.
    let rounding: [ScalarType: Double] = [.float32: 0x1p-24, .bfloat16: 0x1p-8, .float16: 0x1p-11]
    #expect(abs(try gradientNorm(whole.model) - norm) < 10 * rounding[type]! * norm)
    let limit = norm / 8
    let clipped = try step { settings in
      settings.scalarType = type
      settings.clipNorm = limit
    }
    let outcome = try clipped([samples(as: type)])
    #expect(outcome.isTaken)
    // torch adds 1e-6 to the norm before dividing by it.
    #expect(abs(try gradientNorm(clipped.model) / limit - 1) < 1e-5)
  }

  @Test func `Gradients that the loss scale makes infinite change nothing and halve the scale`()
    throws
  {
    let step = try step { settings in
      settings.scalarType = .float16
      settings.optimizer = OptimizerChoice(AdamWOptions())
    }
    let before = step.model.parameters.map(\.value)
    // Gradients of about 0.5 · 100 · 65,536, beyond 65,504.
    let outcome = try step([samples(as: .float16, scaledBy: 100)])
    #expect(outcome.loss.isFinite && !outcome.isTaken)
    #expect(step.model.parameters.map(\.value) == before)
    #expect(step.scaler.scale == 32768)
    #expect(step.optimizer.stateByteCount == 0)
  }

  @Test(arguments: [ScalarType.float32, .bfloat16, .float64])
  func `Types other than Float16 have no loss scale`(type: ScalarType) throws {
    let step = try step { $0.scalarType = type }
    #expect(!step.scaler.isEnabled && step.scaler.scale == 1)
  }
}

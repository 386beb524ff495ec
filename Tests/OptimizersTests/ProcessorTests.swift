import Optimizers
import Tensors
import Testing

/// The Swift kernels compiled for AVX2, and the baseline: the same bits on any processor.
@Suite struct ProcessorTests {
  static let shapes: [Shape] = [
    [], [1], [37], [40_000], [5, 7], [129, 130], [64, 64], [300, 257], [40_000, 3], [3, 40_000], [17, 5_000],
    [90, 3, 3], [4, 33, 65], [1, 20_000], [300, 5, 1, 1],
  ]

  @Test(arguments: shapes, [ScalarType.float32, .float64, .bfloat16, .float16])
  func `Both copies of the kernels give the same bits`(shape: Shape, type: ScalarType) throws {
    let here = try trained(shape, type)
    let baseline = try SwiftKernelChoice.$usesBaseline.withValue(true) { try trained(shape, type) }
    #expect(here.value == baseline.value)
    #expect(here.state == baseline.state)
  }

  /// A parameter and its state after three steps on the Swift backend.
  private func trained(_ shape: Shape, _ type: ScalarType) throws -> (value: Tensor, state: Adafactor.State?)
  {
    var generator = SeededGenerator(seed: 11)
    let parameter = Parameter("p", Tensor(normal: shape, using: &generator).converted(to: type))
    let options = Adafactor.Options(beta1: 0.9, weightDecay: 0.01)
    let optimizer = try Adafactor([parameter], options: options, backend: .swift, threads: 2)
    for _ in 0..<3 {
      parameter.gradient = Tensor(normal: shape, using: &generator).converted(to: type)
      try optimizer.step()
    }
    return (parameter.value, optimizer.state(of: parameter))
  }
}

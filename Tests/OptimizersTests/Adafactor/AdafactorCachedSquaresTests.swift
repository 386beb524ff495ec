import Optimizers
import Tensors
import TestSupport
import Testing

/// RMS(P) comes from the sum that the last step's update computed, if nothing has changed P since.
@Suite struct AdafactorCachedSquaresTests {
  /// Each block form, with one block and with several.
  static let shapes: [Shape] = [
    [], [3], [17_000], [7, 11], [500, 3, 3], [20, 30, 30], [150, 130], [5_000, 4], [4, 5_000],
    [1, 20_000], [300, 5, 1, 1],
  ]
  static let types: [ScalarType] = [.float32, .float64]

  @Test(arguments: shapes, types)
  func `A cached sum has the bits of a recomputed one`(shape: Shape, type: ScalarType) throws {
    for backend in Backend.available {
      for scales in [true, false] {
        let options = Adafactor.Options(learningRate: .constant(0.3), scaleParameter: scales)
        let (kept, rewritten) = (
          try Run(shape, type, options, backend), try Run(shape, type, options, backend)
        )
        for step in 0..<3 {
          // The same values in other memory: the sum for the old memory must not be used.
          rewritten.parameter.value = rewritten.parameter.value.rewritten
          for run in [kept, rewritten] { try run.step(step) }
          let same = kept.bits == rewritten.bits
          #expect(same, "step \(step) on \(backend), scaleParameter \(scales)")
        }
      }
    }
  }

  @Test(arguments: shapes)
  func `A change between steps is noticed`(shape: Shape) throws {
    let options = Adafactor.Options(learningRate: .constant(0.3))
    let run = try Run(shape, .float32, options, .default)
    try run.step(0)
    // In place, through the tensor.
    run.parameter.value.withMutableSpan(of: Float.self) { span in
      for index in span.indices { span[index] = 100 }
    }
    let fresh = try Run(shape, .float32, options, .default)
    fresh.parameter.value = run.parameter.value.rewritten
    try fresh.optimizer.setState(run.optimizer.state(of: run.parameter)!, of: fresh.parameter)
    for each in [run, fresh] { try each.step(1) }
    #expect(run.bits == fresh.bits)
    #expect(run.optimizer.state(of: run.parameter)!.rootMeanSquare == 100)
  }

  @Test(arguments: shapes)
  func `A change of adopted memory is noticed`(shape: Shape) throws {
    let options = Adafactor.Options(learningRate: .constant(0.3))
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: shape.elementCount)
    memory.initialize(repeating: 1, count: shape.elementCount)
    let run = try Run(shape, .float32, options, .default)
    run.parameter.value = Tensor(
      bytesNoCopy: memory, shape: shape, as: .float32, deallocator: Deallocator(memory).run)
    try run.step(0)
    #expect(memory[0] != 1, "a step writes to the memory that was adopted")
    // Without the tensor's knowledge.
    memory.update(repeating: 100, count: shape.elementCount)
    try run.step(1)
    #expect(run.optimizer.state(of: run.parameter)!.rootMeanSquare == 100)
  }

  /// Releases memory. A pointer by itself is not Sendable.
  private struct Deallocator: @unchecked Sendable {
    let memory: UnsafeMutablePointer<Float>
    init(_ memory: UnsafeMutablePointer<Float>) { self.memory = memory }
    @Sendable func run() { memory.deallocate() }
  }

  private struct Run {
    let parameter: Parameter
    let optimizer: Adafactor

    init(_ shape: Shape, _ type: ScalarType, _ options: Adafactor.Options, _ backend: Backend) throws {
      var numbers = TestNumbers(seed: shape.elementCount)
      // Magnitudes differ so much that sums in Double round, and therefore depend on the order.
      let values = numbers.gradient(shape).map { Double($0) * Double($0) * Double($0) / 3 }
      parameter = Parameter("p", Tensor(values, shape: shape, as: type))
      optimizer = try Adafactor([parameter], options: options, backend: backend, threads: 2)
    }

    func step(_ step: Int) throws {
      var numbers = TestNumbers(seed: step)
      let shape = parameter.value.shape
      parameter.gradient = Tensor(numbers.array(shape.elementCount), shape: shape)
      try optimizer.step()
    }

    var bits: ParameterBits { ParameterBits(parameter, optimizer) }
  }
}

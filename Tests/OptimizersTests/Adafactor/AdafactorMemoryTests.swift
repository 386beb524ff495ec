import Backends
import KernelInterface
import Optimizers
import Tensors
import Testing

/// The memory of a step in addition to parameter, gradient and state.
@Suite struct AdafactorMemoryTests {
  /// Shapes that need the most scratch memory in each block form, and shapes that keep the most sums.
  static let shapes: [Shape] = [
    [], [1 << 18], [128, 128], [1, 16_384], [16_384, 1], [64, 256], [256, 64], [1, 1 << 18], [8, 65_536],
    [128, 8_192], [512, 2_048], [513, 1_000], [50_257, 16], [65_536, 4], [4_096, 3, 3], [20, 129, 128],
  ]

  @Test(arguments: shapes)
  func `A step on two threads takes at most 1 MB and a sixteenth of the matrix`(shape: Shape) throws {
    let parameter = Parameter("p", Tensor(zeros: shape))
    parameter.gradient = Tensor(zeros: shape)
    let optimizer = try Adafactor([parameter], threads: 2)
    try optimizer.step()
    #expect(optimizer.workspaceByteCount <= 1 << 20 + parameter.value.byteCount / 16)
    // And later steps take no more.
    let first = optimizer.workspaceByteCount
    try optimizer.step()
    #expect(optimizer.workspaceByteCount == first)
  }

  @Test
  func `No shape takes more`() {
    let sizes = [
      1, 2, 3, 5, 8, 30, 64, 65, 129, 150, 200, 257, 400, 600, 1 << 12, 20_000, 1 << 17, 1 << 22, 1 << 26,
    ]
    for matrices in [1, 3, 40, 1_000] {
      for rows in sizes {
        for columns in sizes where Double(matrices) * Double(rows) * Double(columns) < 1e10 {
          let shape: Shape = [matrices, rows, columns]
          let step = AdafactorOptions.preparedStep(
            of: RuleGroup(AdafactorOptions()),
            StepLayout(
              name: "p", shape: shape, scalarType: .float32, gradientType: .float32, needsVerdict: false,
              mayComeFromMemory: true), state: nil, kernels: Backend.swift.kernels)
          let bytes = 2 * step.scratchByteCount + step.workspaceByteCount
          #expect(bytes <= 1 << 20 + shape.elementCount * 4 / 16, "\(shape)")
        }
      }
    }
  }

  @Test
  func `Many parameters share the workspace`() throws {
    let parameters = (0..<300).map {
      Parameter("\($0)", Tensor(zeros: $0 % 2 == 0 ? [64, 64] : [150, 130]))
    }
    for parameter in parameters { parameter.gradient = Tensor(zeros: parameter.value.shape) }
    let optimizer = try Adafactor(parameters, threads: 2)
    try optimizer.step()
    #expect(optimizer.workspaceByteCount <= 1 << 20 + 150 * 130 * 4 / 16)
  }

  @Test
  func `The state takes four bytes for each row, column, and element of a vector`() throws {
    let parameters = [
      Parameter("matrix", Tensor(zeros: [30, 50])), Parameter("batch", Tensor(zeros: [7, 3, 5])),
      Parameter("vector", Tensor(zeros: [11])), Parameter("scalar", Tensor(zeros: [])),
    ]
    for parameter in parameters { parameter.gradient = Tensor(zeros: parameter.value.shape) }
    let optimizer = try Adafactor(parameters)
    #expect(optimizer.stateByteCount == 0)
    try optimizer.step()
    let numbers = (30 + 50) + 7 * (3 + 5) + 11 + 1
    #expect(optimizer.stateByteCount == 4 * numbers)
    try optimizer.updateOptions(ofGroup: 0) { $0.beta1 = 0.9 }
    try optimizer.step()
    #expect(optimizer.stateByteCount == 4 * (numbers + 30 * 50 + 7 * 3 * 5 + 11 + 1))
  }
}

import Backends
import KernelInterface
import Optimizers
import Tensors
import TestSupport
import Testing

/// Steps of a part of a tensor. If the reduction buffers are added up, as machines that share the tensor do, sums and
/// decisions are the same as for the whole tensor.
@Suite struct ShardedStepTests {
  /// Each block form that can be divided, with at least two blocks.
  static let shapes: [Shape] = [[40_000], [300, 200], [4, 20_000], [3, 100, 130], [4_000, 3, 3]]

  @Test(arguments: shapes)
  func `Parts of a tensor take the same step as the whole`(shape: Shape) throws {
    var numbers = TestNumbers(seed: 1)
    let initial = Tensor(numbers.array(shape.elementCount), shape: shape)
    let options = AdafactorOptions(clipThreshold: 0.1, beta1: 0.9, weightDecay: 0.1)
    let whole = Parameter("p", initial)
    let optimizer = try Adafactor([whole], options: options)
    let count = BlockPartition(dimensions: shape.dimensions, factored: true).blockCount
    try #require(count >= 2)
    let parts = [0..<count / 2, count / 2..<count].map {
      Part(initial, blocks: $0, options: options)
    }
    for step in 1...3 {
      let gradient = Tensor(numbers.array(shape.elementCount), shape: shape)
      whole.gradient = gradient
      try optimizer.step()
      Part.step(parts, gradient)
      let joined = Part.joined(parts, shape)
      let (expected, start) = (whole.value.scalars(as: Double.self), initial.scalars(as: Double.self))
      let largest = zip(expected, start).reduce(0) { max($0, abs($1.0 - $1.1)) }
      // The sums of parts are added in another order, but in Double: Float shows no more than its last place.
      let agrees = zip(joined, expected).allSatisfy { abs($0 - $1) <= 1e-6 * largest + 1.2e-7 * abs($1) }
      #expect(agrees && largest > 0, "step \(step)")
    }
  }

  /// Some blocks of a tensor in separate memory, as one machine holds them.
  private final class Part {
    let extent: Extent
    let step: any PreparedStep
    var parameter: Tensor
    private var gradient: Tensor
    private let workspace: UnsafeMutableRawPointer
    private let scratch: UnsafeMutableRawPointer
    static let kernels = Backend.swift.kernels

    init(_ whole: Tensor, blocks: Range<Int>, options: AdafactorOptions) {
      let partition = BlockPartition(dimensions: whole.shape.dimensions, factored: true)
      extent = Extent(partition, blocks: blocks)
      let elements = Part.elements(of: extent, in: whole.scalars(as: Float.self))
      parameter = Tensor(elements)
      gradient = parameter
      let local = extent.isFactored ? extent.localShape : [extent.elementCount]
      step = AdafactorOptions.preparedStep(
        of: RuleGroup(options),
        StepLayout(
          name: "p", shape: whole.shape, scalarType: .float32, gradientType: .float32, needsVerdict: false,
          mayComeFromMemory: false),
        state: AdafactorState(shape: local, scalarType: .float32, hasFirstMoments: true),
        kernels: Part.kernels, blocks: blocks)
      workspace = .allocate(byteCount: max(64, step.workspaceByteCount), alignment: 64)
      scratch = .allocate(byteCount: max(64, step.scratchByteCount), alignment: 64)
    }

    deinit {
      workspace.deallocate()
      scratch.deallocate()
    }

    /// Returns the elements of an extent, in order.
    static func elements(of extent: Extent, in whole: [Float]) -> [Float] {
      places(of: extent).map { whole[$0] }
    }

    /// Returns the indices of an extent's elements in the whole tensor.
    static func places(of extent: Extent) -> [Int] {
      extent.matrices.flatMap { matrix in
        extent.rows.flatMap { row in
          extent.columns.map { (matrix * extent.partition.rows + row) * extent.partition.columns + $0 }
        }
      }
    }

    static func joined(_ parts: [Part], _ shape: Shape) -> [Double] {
      var values = [Double](repeating: .nan, count: shape.elementCount)
      for part in parts {
        for (place, value) in zip(places(of: part.extent), part.parameter.scalars(as: Double.self)) {
          values[place] = value
        }
      }
      return values
    }

    /// Takes one step of all parts, phase by phase, with reductions between the phases.
    static func step(_ parts: [Part], _ gradient: Tensor) {
      let values = gradient.scalars(as: Float.self)
      for part in parts {
        part.gradient = Tensor(elements(of: part.extent, in: values))
        part.step.begin(
          SteppedTensor(
            parameter: part.parameter.mutableElements(), gradient: part.gradient.elements,
            gradientScale: 1))
        part.step.bindWorkspace(part.workspace)
      }
      for phase in 0..<parts[0].step.phaseCount {
        for part in parts {
          for task in 0..<part.step.taskCount(in: phase) {
            part.step.run(task, in: phase, scratch: part.scratch)
          }
          for fold in 0..<part.step.foldCount(in: phase) { part.step.fold(fold, in: phase) }
        }
        let buffers = parts.map { $0.step.reduction(after: phase) }
        for index in buffers[0].indices {
          let sum = buffers.reduce(0) { $0 + $1[index] }
          for buffer in buffers { buffer[index] = sum }
        }
        for part in parts { _ = part.step.finish(phase, kernels: kernels) }
      }
      for part in parts { part.step.commit() }
    }
  }
}

extension Extent {
  fileprivate var isFactored: Bool { partition.form != .elements }
  fileprivate var localShape: Shape { [matrices.count, rows.count, columns.count] }
}

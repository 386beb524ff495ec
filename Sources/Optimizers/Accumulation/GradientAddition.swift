import KernelInterface
import Tensors

/// The addition of one micro-batch to one parameter: S ← S + f g and Σ s² of the new sums, in one pass over both.
///
/// A tile of 8 KB stays in the first-level cache between the two, so that the squares cost no memory traffic. One kernel
/// for both would save only loads from that cache.
struct GradientAddition {
  private let gradient: Elements
  private let factor: Double
  private let sum: MutableElements
  /// Whether the sum is still empty and is overwritten.
  private let isFirst: Bool
  private let count: Int
  /// Σ s² over the new sums.
  private(set) var summary = GradientSummary()

  /// Prepares the addition of `factor` × `gradient` to the sum of a slot, and creates the sum if it doesn't exist or has
  /// another shape.
  ///
  /// - Parameter parameterType: The type of the parameter's elements. If it or the gradient's type is Float64, so is the sum.
  init(
    _ gradient: Tensor, factor: Double, to slot: inout GradientAccumulator.Slot, of parameterType: ScalarType
  ) {
    if slot.sum == nil || !slot.isFilled && slot.sum!.shape != gradient.shape {
      let type: ScalarType =
        parameterType == .float64 || gradient.scalarType == .float64 ? .float64 : .float32
      slot.sum = Tensor(uninitialized: gradient.shape, as: type)
    }
    self.gradient = gradient.elements
    self.factor = factor
    sum = slot.sum!.mutableElements()
    isFirst = !slot.isFilled
    count = gradient.elementCount
    slot.isFilled = true
  }

  /// Runs all additions.
  static func run(_ additions: inout [GradientAddition], kernels: KernelTable, threads: Int) {
    let work = additions
    let summaries = GradientBlocks(elementCounts: work.map(\.count)).reduce(
      GradientSummary(), threads: threads
    ) { block in
      work[block.tensor].add(block, kernels)
    } combining: {
      $0.add($1)
    }
    for index in additions.indices { additions[index].summary = summaries[index] }
  }

  private func add(_ block: GradientBlocks.Block, _ kernels: KernelTable) -> GradientSummary {
    sum.type == .float64 ? add(block, kernels, as: Double.self) : add(block, kernels, as: Float.self)
  }

  private func add<A: ArithmeticScalar>(
    _ block: GradientBlocks.Block, _ kernels: KernelTable, as type: A.Type
  ) -> GradientSummary {
    let linearAlgebra = A.linearAlgebra(of: kernels)
    let sums = (sum.address + block.start * sum.type.byteCount).assumingMemoryBound(to: A.self)
    var summary = GradientSummary()
    GradientConversion.forEach(
      of: gradient.advanced(by: block.start), count: block.count, as: type, kernels
    ) { offset, tile, size in
      let target = sums + offset
      // Cleared as bytes: the type is known only at run time, and an initialization would write element by element.
      if isFirst {
        UnsafeMutableRawPointer(target).initializeMemory(
          as: UInt8.self, repeating: 0, count: size * sum.type.byteCount)
      }
      linearAlgebra.axpy(A(factor), tile, size, target)
      summary.add(GradientSummary(tile: target, count: size, kernels))
    }
    return summary
  }
}

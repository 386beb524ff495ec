import Backends
import KernelInterface
import Optimizers
import Tensors

extension Communicator {
  /// Scales the gradients of parameters that ranks share by min(1, maxNorm / (norm + 10⁻⁶)), with the Euclidean norm of all
  /// gradients on all ranks together.
  ///
  /// `clipGradientNorm(maxNorm:)` of the parameters would take the norm of this rank's parts only, and the ranks would refuse to
  /// step with different scales. All ranks call this together. The norm has the same bits for any number of ranks.
  ///
  /// - Parameters:
  ///   - parameters: The parameters of this rank: parts, or whole parameters with the same gradient on every rank.
  ///   - maxNorm: The maximum norm, at least 0.
  ///   - backend: The backend.
  /// - Returns: The norm before clipping.
  /// - Throws: `GradientClippingError`, or ``CommunicatorError/ranksDiffer(_:)`` if ranks have gradients of other parameters or
  ///   with other scales; without changing any scale.
  @discardableResult
  public func clipGradientNorm(
    of parameters: [Parameter], maxNorm: Double, backend: Backend = .defaultForOptimizers
  ) throws -> Double {
    let clipped = parameters.filter { $0.gradient != nil }
    try requireSame(
      [("maxNorm", "\(maxNorm)"), ("parameters with gradients", clipped.map(\.name).joined(separator: ", "))]
        + clipped.map { ("the gradient scale of \"\($0.name)\"", "\($0.gradientScale)") })
    let squares = try sumsOfSquares(clipped, backend.kernels)
    let total = zip(clipped, squares).reduce(0.0) { sum, item in
      let norm = item.0.gradientScale.magnitude * item.1.squareRoot()
      return sum + norm * norm
    }.squareRoot()
    try parameters.clipGradients(ofNorm: total, maxNorm: maxNorm)
    return total
  }

  /// Σ g² of each gradient, over all ranks: in Double, over the blocks of the whole tensor, in their tree.
  private func sumsOfSquares(
    _ parameters: [Parameter], _ kernels: KernelTable
  ) throws(CommunicatorError) -> [Double] {
    typealias Reduction = TreeReduction<Double>
    var members: [Reduction.Member] = []
    var partials: [[Double]] = []
    for parameter in parameters {
      let shard =
        parameter.shard
        ?? TensorShard(
          parameter.value.shape, rank: 0,
          blocksByRank: [0..<TensorShard.partition(parameter.value.shape).blockCount])
      let (extent, gradient) = (shard.extent, parameter.gradient!)
      let blocks = extent.blocks.map { index in
        let block = extent.partition[index]
        let elements = gradient.elements.advanced(by: extent.offset(of: block))
        // Panels have gaps between their rows; other blocks are one run of elements.
        return extent.partition.form == .columns
          ? sumOfSquares(elements, block.rows.count, block.columns.count, extent.stride, kernels)
          : sumOfSquares(elements, 1, block.elementCount, block.elementCount, kernels)
      }
      let count = extent.partition.blockCount
      let isShared = shard.blocksByRank.count > 1
      // A whole parameter is on every rank, and rank 0 gives its sum.
      let leaves =
        isShared
        ? shard.blocksByRank : (0..<size).map { $0 == 0 ? 0..<count : count..<count }
      members.append(.init(length: 1, leavesByRank: leaves, leafCount: count))
      partials.append(
        SumTree.subtrees(of: leaves[rank], count: count).map { subtree in
          let first = leaves[rank].lowerBound
          return SumTree.sum(Array(blocks[subtree.lowerBound - first..<subtree.upperBound - first]))
        })
      withExtendedLifetime(gradient) {}
    }
    let reduction = Reduction(members, runs: Reduction.segments(members, ranks: size), self)
    var results = [Double](repeating: 0, count: parameters.count)
    // One list of numbers, with the place of each partial sum.
    var numbers = Array(partials.joined()) + [0]
    try numbers.withUnsafeMutableBufferPointer { numbers throws(CommunicatorError) in
      try results.withUnsafeMutableBufferPointer { results throws(CommunicatorError) in
        var place = 0
        let addresses = partials.map { partials in
          partials.map { _ -> UnsafeMutablePointer<Double> in
            defer { place += 1 }
            return numbers.baseAddress! + place
          }
        }
        let targets = results.indices.map { results.baseAddress! + $0 }
        try reduction.reduce(addresses, into: targets, self)
      }
    }
    return results
  }

  /// Σ g² of some rows, in Double: no square of another type is beyond its range.
  private func sumOfSquares(
    _ elements: Elements, _ rows: Int, _ columns: Int, _ stride: Int, _ kernels: KernelTable
  ) -> Double {
    let length = 1024
    return withUnsafeTemporaryAllocation(of: Double.self, capacity: length) { tile in
      var sums = SIMD8<Double>()
      for row in 0..<rows {
        for start in Swift.stride(from: 0, to: columns, by: length) {
          let count = min(length, columns - start)
          // Zeros fill the last vector.
          (tile.baseAddress! + (count & ~7)).update(repeating: 0, count: min(8, length - (count & ~7)))
          kernels.conversion.readDouble(
            elements.advanced(by: row * stride + start), count, tile.baseAddress!)
          for index in Swift.stride(from: 0, to: count, by: 8) {
            let g = UnsafeRawPointer(tile.baseAddress! + index).loadUnaligned(as: SIMD8<Double>.self)
            sums += g * g
          }
        }
      }
      return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
    }
  }
}

/// The fixed order of sums over the blocks of a tensor: a binary tree in which blocks 2i and 2i + 1 are neighbours, and so are
/// the pairs, and so on. A last block without a neighbour moves up as it is.
///
/// Processes that share a tensor each hold consecutive blocks. A process adds up every maximal subtree that it holds entirely,
/// and all processes add these partial sums in the same tree: so a sum has the same bits however many processes share it.
package enum SumTree {
  /// Returns the blocks of each maximal subtree within `blocks`, in their order.
  ///
  /// For all blocks it is one, and for a part at most twice the binary logarithm of their number.
  package static func subtrees(of blocks: Range<Int>, count: Int) -> [Range<Int>] {
    var subtrees: [Range<Int>] = []
    var start = blocks.lowerBound
    while start < blocks.upperBound {
      var length = 1
      while start % (2 * length) == 0 && length < count - start
        && min(start + 2 * length, count) <= blocks.upperBound
      {
        length *= 2
      }
      let end = min(start + length, count)
      subtrees.append(start..<end)
      start = end
    }
    return subtrees
  }

  /// Returns Σ values in the order of the tree.
  package static func sum(_ values: [Double]) -> Double {
    var values = values
    return values.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.map { Optimizers.sum($0, buffer.count) } ?? 0
    }
  }

  /// Returns the additions that make the sum of all blocks of the sums of subtrees: of each pair, the second is added to the
  /// first. The last addition is into the first subtree.
  ///
  /// - Parameter subtrees: Subtrees that together hold all blocks, in the order of their blocks.
  package static func additions(_ subtrees: [Range<Int>]) -> [(into: Int, from: Int)] {
    guard let count = subtrees.last?.upperBound else { return [] }
    var additions: [(into: Int, from: Int)] = []
    var next = 0
    /// Adds up the subtree of `length` blocks from `start` on, and returns the index that holds its sum.
    func add(_ start: Int, _ length: Int) -> Int {
      let end = min(start + length, count)
      if subtrees[next] == start..<end {
        next += 1
        return next - 1
      }
      let half = length / 2
      guard half > 0 else {
        fatalError(
          "\(subtrees) are no subtrees of a tree over \(count) blocks: one must begin with \(start).")
      }
      let into = add(start, half)
      if start + half < end { additions.append((into, add(start + half, half))) }
      return into
    }
    var length = 1
    while length < count { length *= 2 }
    _ = add(0, length)
    return additions
  }
}

/// Σ values in the order of the tree.
func sum(_ values: UnsafeMutablePointer<Double>, _ count: Int) -> Double {
  switch count {
  case 0: return 0
  case 1: return values[0]
  case 2: return values[0] + values[1]
  case 3: return (values[0] + values[1]) + values[2]
  case 4: return (values[0] + values[1]) + (values[2] + values[3])
  default:
    let half = largestPower(below: count)
    return sum(values, half) + sum(values + half, count - half)
  }
}

/// totals ← Σ over blocks of `count` numbers, in the order of the tree. The numbers of successive blocks are `stride` numbers
/// apart.
///
/// It adds eight numbers over all blocks at a time: blocks are so far apart in memory that a sweep over one number would
/// wait for every access.
func sumOverBlocks(
  _ sums: UnsafePointer<Double>, blocks: Int, stride: Int, count: Int,
  into totals: UnsafeMutablePointer<Double>
) {
  guard blocks > 0 else { return totals.update(repeating: 0, count: count) }
  var start = 0
  while start + 8 <= count {
    let total = sumOfEight(UnsafeRawPointer(sums + start), blocks: blocks, stride: 8 * stride)
    UnsafeMutableRawPointer(totals + start).storeBytes(of: total, as: SIMD8<Double>.self)
    start += 8
  }
  for index in start..<count { totals[index] = sumOfOne(sums + index, blocks: blocks, stride: stride) }
}

private func sumOfEight(_ address: UnsafeRawPointer, blocks: Int, stride: Int) -> SIMD8<Double> {
  @inline(__always) func load(_ block: Int) -> SIMD8<Double> {
    address.loadUnaligned(fromByteOffset: block * stride, as: SIMD8<Double>.self)
  }
  switch blocks {
  case 1: return load(0)
  case 2: return load(0) + load(1)
  case 3: return (load(0) + load(1)) + load(2)
  case 4: return (load(0) + load(1)) + (load(2) + load(3))
  default:
    let half = largestPower(below: blocks)
    return sumOfEight(address, blocks: half, stride: stride)
      + sumOfEight(address + half * stride, blocks: blocks - half, stride: stride)
  }
}

private func sumOfOne(_ numbers: UnsafePointer<Double>, blocks: Int, stride: Int) -> Double {
  if blocks == 1 { return numbers[0] }
  let half = largestPower(below: blocks)
  return sumOfOne(numbers, blocks: half, stride: stride)
    + sumOfOne(numbers + half * stride, blocks: blocks - half, stride: stride)
}

/// The largest power of two below `count`, which is at least 2.
private func largestPower(below count: Int) -> Int {
  1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount)
}

import Optimizers
import Testing

/// The order of sums over blocks, against the definition of the tree.
@Suite struct SumTreeTests {
  /// The text of the sum of blocks `start` ..< `start + length`, of which those from `count` on do not exist.
  private func expression(_ start: Int, _ length: Int, _ count: Int) -> String {
    if length == 1 { return "\(start)" }
    let (left, half) = (expression(start, length / 2, count), start + length / 2)
    return half < count ? "(\(left)+\(expression(half, length / 2, count)))" : left
  }

  private func expression(_ count: Int) -> String {
    expression(0, 1 << (Int.bitWidth - max(0, count - 1).leadingZeroBitCount), count)
  }

  @Test func `Parts of any division add up in the order of the whole`() {
    for count in 1...20 {
      for first in 0...count {
        for second in first...count {
          let subtrees = [0..<first, first..<second, second..<count].flatMap {
            SumTree.subtrees(of: $0, count: count)
          }
          #expect(subtrees.flatMap(Array.init) == Array(0..<count))
          // A subtree is a whole one: its sum has the order of the tree.
          var sums = subtrees.map { subtree in
            var length = 1
            while length < subtree.count { length *= 2 }
            #expect(subtree.lowerBound % length == 0)
            return expression(subtree.lowerBound, length, count)
          }
          for (into, from) in SumTree.additions(subtrees) { sums[into] = "(\(sums[into])+\(sums[from]))" }
          #expect(sums[0] == expression(count))
        }
      }
    }
  }

  @Test func `All blocks are one subtree, and a part at most a few`() {
    for count in 1...300 {
      #expect(SumTree.subtrees(of: 0..<count, count: count) == [0..<count])
      let part = SumTree.subtrees(of: count / 3..<2 * count / 3, count: count)
      #expect(part.count <= 2 * (Int.bitWidth - count.leadingZeroBitCount))
    }
    #expect(SumTree.subtrees(of: 5..<5, count: 9).isEmpty)
    #expect(SumTree.additions([]).isEmpty)
  }
}

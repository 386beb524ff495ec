import KernelInterface
import Testing

@Suite struct BlockPartitionTests {
  /// Shapes and the form of blocks that the partition's documentation requires.
  static let forms: [([Int], BlockPartition.Form)] = [
    ([], .elements), ([0], .elements), ([1], .elements), ([16_384], .elements), ([16_385], .elements),
    ([1_000_003], .elements),
    ([0, 5], .matrices), ([5, 0], .matrices), ([3, 0, 4], .smallMatrices), ([0, 3, 4], .matrices),
    ([1, 1], .matrices), ([128, 128], .matrices), ([1, 16_384], .matrices), ([16_384, 1], .matrices),
    ([500, 3, 3], .smallMatrices), ([9, 2, 64], .smallMatrices), ([7, 1, 129], .matrices),
    ([7, 5, 11, 13], .matrices), ([3, 128, 128], .matrices),
    ([129, 128], .rows), ([600, 700], .rows), ([50_257, 16], .rows), ([20_000, 1], .rows),
    ([16_385, 1], .rows), ([3, 129, 131], .rows), ([2, 2, 1_000, 33], .rows), ([513, 4_000], .rows),
    ([512, 2_048], .rows), ([512, 32_128], .rows), ([65, 259], .rows), ([128, 8_192], .rows),
    ([1, 16_385], .columns), ([1, 300_000], .columns), ([8, 20_000], .columns), ([3, 8, 5_003], .columns),
    ([64, 257], .columns), ([65, 260], .columns), ([128, 8_193], .columns), ([384, 32_128], .columns),
    ([4, 2, 1, 16_385], .columns), ([400, 1 << 22], .columns), ([3, 200, 4_096], .rows),
    ([40, 200, 600], .matrices), ([1_000, 150, 130], .matrices), ([40, 1_000, 600], .rows),
  ]

  @Test(arguments: forms)
  func `Blocks have the form that suits the shape`(dimensions: [Int], form: BlockPartition.Form) {
    #expect(BlockPartition(dimensions: dimensions, factored: true).form == form)
  }

  @Test(arguments: forms.map(\.0).filter { $0.reduce(1, *) < 1 << 24 }, [true, false])
  func `Blocks cover every element exactly once`(dimensions: [Int], factored: Bool) {
    let partition = BlockPartition(dimensions: dimensions, factored: factored)
    let count = dimensions.reduce(1, *)
    #expect(partition.elementCount == count)
    var seen = [UInt8](repeating: 0, count: count)
    for index in 0..<partition.blockCount {
      let block = partition[index]
      #expect(block.elementCount > 0)
      for matrix in block.matrices {
        for row in block.rows {
          let start = (matrix * partition.rows + row) * partition.columns
          for element in start + block.columns.lowerBound..<start + block.columns.upperBound {
            seen[element] += 1
          }
        }
      }
    }
    #expect(seen.allSatisfy { $0 == 1 })
  }

  @Test(arguments: [
    [129, 128], [600, 700], [4_096, 4_096], [50_257, 768], [768, 50_257], [513, 20_000], [600, 100_000],
    [2_047, 16_384], [128, 8_192], [193, 5_433], [512, 2_048], [511, 2_052], [385, 100_000],
  ])
  func `Column sums of the blocks and of two threads stay below 1 MB and a sixteenth of a matrix`(
    dimensions: [Int]
  ) {
    let partition = BlockPartition(dimensions: dimensions, factored: true)
    #expect(partition.form == .rows)
    // Two sums in Double per column, and one C and 1 / √C.
    let bytes = ((partition.blocksPerMatrix + 2) * 2 * 8 + 2 * 4) * partition.columns
    #expect(bytes <= 1 << 20 + 4 * partition.matrixElements / 16)
  }

  @Test func `The partition depends only on the shape`() {
    // Of the axes before the last two, only the product matters.
    #expect(
      BlockPartition(dimensions: [6, 300, 200], factored: true)
        == BlockPartition(dimensions: [2, 3, 300, 200], factored: true))
    // A tensor that is not factored has only blocks of elements.
    #expect(
      BlockPartition(dimensions: [300, 200], factored: false)
        == BlockPartition(dimensions: [60_000], factored: false))
    #expect(
      BlockPartition(dimensions: [60_000], factored: true)
        == BlockPartition(dimensions: [60_000], factored: false))
  }
}

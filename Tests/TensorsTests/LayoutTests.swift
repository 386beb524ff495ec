import Tensors
import TestSupport
import Testing

@Suite("Tensor: transposes and rows")
struct LayoutTests {
  static let shapes: [Shape] = [
    [1, 1], [2, 3], [33, 65], [70, 2], [2, 3, 4], [0, 3], [3, 0], [2, 0, 5],
  ]

  @Test(arguments: shapes, ScalarType.allCases)
  func `A transpose exchanges the last two indices`(shape: Shape, type: ScalarType) {
    let x = Tensor(shape: shape, as: type) { Double($0 % 127) }
    let y = x.transposed()
    let (rows, columns) = (shape.rows, shape.columns)
    #expect(y.shape.dimensions == shape.dimensions.dropLast(2) + [columns, rows])
    let (from, to) = (x.scalars(as: Double.self), y.scalars(as: Double.self))
    for place in from.indices {
      let (matrix, i, j) = (place / (rows * columns), place / columns % rows, place % columns)
      #expect(to[(matrix * columns + j) * rows + i] == from[place])
    }
    #expect(y.transposed() == x)
  }

  @Test(arguments: ScalarType.allCases)
  func `Rows are taken by range and by index`(type: ScalarType) {
    let x = Tensor(shape: [5, 2, 3], as: type) { Double($0) }
    #expect(x.rows(1..<3) == Tensor(shape: [2, 2, 3], as: type) { Double($0 + 6) })
    #expect(x.rows(2..<2).shape == [0, 2, 3])
    #expect(
      x.rows(at: [4, 0, 4]).scalars(as: Double.self) == [
        24, 25, 26, 27, 28, 29, 0, 1, 2, 3, 4, 5, 24, 25, 26, 27, 28, 29,
      ])
    #expect(x.rows(at: [1, 3][1...]) == x.rows(3..<4))
    #expect(Tensor([5, 6, 7]).rows(at: [2, 0]) == Tensor([7, 5]))
    #expect(Tensor(zeros: [3, 0]).rows(at: [0, 1]).shape == [2, 0])
  }

  @Test func `Rows outside the first axis trap`() async {
    await #expect(processExitsWith: .failure) { _ = Tensor(zeros: [3, 2]).rows(2..<4) }
    await #expect(processExitsWith: .failure) { _ = Tensor(zeros: [3, 2]).rows(at: [3]) }
  }
}

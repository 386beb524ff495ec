import Tensors
import Testing

@Suite("Shape")
struct ShapeTests {
  @Test func `Shapes of every rank have rows, columns and matrices`() {
    let expected: [(Shape, rank: Int, count: Int, rows: Int, columns: Int, batch: Int)] = [
      ([], 0, 1, 1, 1, 1), ([7], 1, 7, 1, 7, 1), ([0], 1, 0, 1, 0, 1), ([3, 4], 2, 12, 3, 4, 1),
      ([2, 3, 4], 3, 24, 3, 4, 2), ([5, 2, 3, 4], 4, 120, 3, 4, 10), ([5, 2, 0, 4], 4, 0, 0, 4, 10),
      ([0, 3, 4], 3, 0, 3, 4, 0),
    ]
    for (shape, rank, count, rows, columns, batch) in expected {
      #expect(shape.rank == rank)
      #expect(shape.elementCount == count)
      #expect(shape.rows == rows)
      #expect(shape.columns == columns)
      #expect(shape.batchCount == batch)
    }
  }

  @Test func `Axes count from either end`() {
    let shape: Shape = [2, 3, 4]
    #expect([shape[0], shape[1], shape[2]] == [2, 3, 4])
    #expect([shape[-3], shape[-2], shape[-1]] == [2, 3, 4])
  }

  @Test func `The description is a list`() {
    #expect("\(Shape([3, 4]))" == "[3, 4]")
    #expect("\(Shape([]))" == "[]")
  }

  @Test func `Invalid dimensions from data are an error that names them`() throws {
    #expect(throws: TensorError.dimensions([3, -1])) { try Shape(validating: [3, -1]) }
    #expect(throws: TensorError.dimensions([.max, 2])) { try Shape(validating: [.max, 2]) }
    #expect(try Shape(validating: [.max, 2, 0]).elementCount == 0)
    #expect("\(TensorError.dimensions([3, -1]))".contains("[3, -1]"))
  }

  @Test func `A negative dimension in a program traps`() async {
    await #expect(processExitsWith: .failure) { _ = Shape([2, -1]) }
  }
}

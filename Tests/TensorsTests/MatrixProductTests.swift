import Tensors
import TestSupport
import Testing

@Suite("Tensor: matrix product")
struct MatrixProductTests {
  @Test(arguments: Backend.available, ScalarType.allCases)
  func `Products of every type are exact, plain and transposed`(backend: Backend, type: ScalarType) {
    // Small whole numbers, which are exact in every type and order.
    let a = Tensor(shape: [3, 4], as: type) { Double($0 % 5) - 2 }
    let b = Tensor(shape: [4, 2], as: type) { Double($0 % 3) - 1 }
    let expected = Tensor(shape: [3, 2], as: type) { place in
      (0..<4).reduce(0) { $0 + a[place / 2, $1] * b[$1, place % 2] }
    }
    Backend.withDefault(backend) {
      #expect(a.matmul(b) == expected)
      #expect(a.transposed().matmul(b, transposed: true) == expected)
      #expect(a.matmul(b.transposed(), otherTransposed: true) == expected)
      #expect(
        a.transposed().matmul(b.transposed(), transposed: true, otherTransposed: true)
          == expected)
    }
  }

  @Test(arguments: Backend.available)
  func `An empty sum is zero`(backend: Backend) {
    Backend.withDefault(backend) {
      #expect(Tensor(zeros: [2, 0]).matmul(Tensor(zeros: [0, 3])) == Tensor(zeros: [2, 3]))
      #expect(Tensor(zeros: [0, 2]).matmul(Tensor(zeros: [2, 3])).shape == [0, 3])
    }
  }

  @Test func `Different inner sizes trap with both shapes`() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(zeros: [2, 3]).matmul(Tensor(zeros: [4, 5]))
    }
    try expectMessage(of: result, toContain: "[2, 3]", "[4, 5]")
  }

  @Test func `Factors of different types trap with both types`() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(zeros: [2, 2]).matmul(Tensor(zeros: [2, 2], as: .float64))
    }
    try expectMessage(of: result, toContain: "float32", "float64")
  }
}

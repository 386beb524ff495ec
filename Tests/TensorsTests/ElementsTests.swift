import Tensors
import TestSupport
import Testing

@Suite("Tensor: elements, spans, construction, conversion")
struct ElementsTests {
  @Test func `Elements are read and written by index in row-major order`() {
    var tensor = Tensor(shape: [2, 3, 4]) { Double($0) }
    #expect(tensor[0, 0, 0] == 0)
    #expect(tensor[1, 2, 3] == 23)
    #expect(tensor[1, 0, 2] == 14)
    tensor[1, 0, 2] = -1
    #expect(tensor.scalars(as: Float.self)[14] == -1)
    #expect(Tensor(repeating: 4, shape: [])[] == 4)
  }

  @Test func `Spans read and write without a copy`() {
    var tensor = Tensor([1, 2, 3])
    let sum = tensor.withSpan(of: Float.self) { span in
      var sum: Float = 0
      for i in span.indices { sum += span[i] }
      return sum
    }
    #expect(sum == 6)
    tensor.withMutableSpan(of: Float.self) { span in
      for i in span.indices { span[i] *= 2 }
    }
    #expect(tensor == Tensor([2, 4, 6]))
  }

  @Test(arguments: ScalarType.allCases)
  func `Every initializer gives its elements`(type: ScalarType) {
    #expect(Tensor(zeros: [2, 2], as: type).scalars(as: Double.self) == [0, 0, 0, 0])
    #expect(Tensor(ones: [3], as: type).scalars(as: Double.self) == [1, 1, 1])
    #expect(
      Tensor(repeating: -2.5, shape: [700], as: type).scalars(as: Double.self)
        == .init(repeating: -2.5, count: 700))
    // More than one block of the conversion. All values are exact in every type.
    let counted = Tensor(shape: [40, 32], as: type) { Double($0 % 128) }
    #expect(counted.scalarType == type)
    #expect(counted.scalars(as: Double.self) == (0..<1280).map { Double($0 % 128) })
  }

  @Test func `Arrays of each scalar type keep their values and type`() {
    #expect(Tensor(scalars: [1.5, -2.0] as [Double], shape: [2]).scalarType == .float64)
    #expect(Tensor(scalars: [1.5, -2.0] as [Float16], shape: [2]).scalars(as: Float.self) == [1.5, -2])
    #expect(
      Tensor(scalars: [BFloat16(1.5), BFloat16(-2.0)], shape: [1, 2]).scalars(as: Float.self) == [1.5, -2])
    #expect(Tensor([1, 2]).scalarType == .float32)
    #expect(Tensor([1, 2, 3, 4], shape: [2, 2]) == Tensor([[1, 2], [3, 4]]))
  }

  @Test func `Data that does not fill the shape is an error with the count and the shape`() throws {
    let error = #expect(throws: TensorError.self) {
      try Tensor(validating: [1, 2, 3] as [Float], shape: [2, 2])
    }
    #expect(error == .elementCount(3, shape: [2, 2]))
    #expect(try #require(error).description == "3 elements do not fill the shape [2, 2]: it holds 4.")
    #expect(try Tensor(validating: [1, 2] as [Float], shape: [2]) == Tensor([1, 2]))
  }

  @Test(
    arguments: ScalarType.allCases, ScalarType.allCases
  )
  func `Conversion between all types rounds once to nearest`(from: ScalarType, to: ScalarType) {
    let values = [
      0, -0.0, 1, -1.5, 1 / 3, 1e-3, 3.14159265358979, 1e4, 65504, -2.0e-7, .infinity, -.infinity,
    ]
    let source = Tensor(shape: [values.count], as: from) { values[$0] }
    let converted = source.converted(to: to)
    #expect(converted.scalarType == to)
    let expected = source.scalars(as: Double.self).map { value in
      switch to {
      case .bfloat16: BFloat16(value).doubleValue
      case .float16: Double(Float16(value))
      case .float32: Double(Float(value))
      case .float64: value
      }
    }
    #expect(converted.scalars(as: Double.self) == expected)
  }

  @Test func `Float64 is rounded to 16 bits once, not via Float32`() {
    // Just above the midpoint between two neighbors, by less than Float32 can represent.
    let values = [1 + 0x1p-8 + 0x1p-40, 1 + 0x1p-11 + 0x1p-40]
    let source = Tensor(scalars: values, shape: [2])
    #expect(source.converted(to: .bfloat16)[0] == 1 + 0x1p-7)
    #expect(source.converted(to: .float16)[1] == 1 + 0x1p-10)
  }

  @Test func `Checks throw errors with both values`() throws {
    let tensor = Tensor(zeros: [2, 3])
    try tensor.check(scalarType: .float32)
    try tensor.check(shape: [2, 3])
    #expect(throws: TensorError.scalarType(.float32, expected: .float64)) {
      try tensor.check(scalarType: .float64)
    }
    #expect(throws: TensorError.shape([2, 3], expected: [3, 2])) { try tensor.check(shape: [3, 2]) }
  }

  @Test func `A span of the wrong type traps with both types`() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      Tensor(zeros: [2]).withSpan(of: Double.self) { _ in }
    }
    try expectMessage(of: result, toContain: "float32", "float64")
  }

  @Test func `Indices outside the shape trap`() async {
    await #expect(processExitsWith: .failure) { _ = Tensor(zeros: [2, 2])[0, 2] }
    await #expect(processExitsWith: .failure) { _ = Tensor(zeros: [2, 2])[1] }
  }

  @Test func `Tensors are equal if shape, type and every element are`() {
    let tensor = Tensor([1, 2, 3])
    #expect(tensor == Tensor([1, 2, 3]))
    #expect(tensor != Tensor([1, 2, 4]))
    #expect(tensor != tensor.reshaped(to: [3, 1]))
    #expect(tensor != tensor.converted(to: .float64))
    #expect(Tensor([.nan]) != Tensor([.nan]))
    #expect(Tensor([0]) == Tensor([-0.0]))
    #expect(tensor.converted(to: .bfloat16) == tensor.converted(to: .bfloat16))
  }

  @Test func `The description has shape, type and elements, or the corners of a large tensor`() {
    #expect(
      Tensor([[1, 2.5], [-3, 4]]).description == """
        Tensor [2, 2] float32
        [[ 1.0,  2.5],
         [-3.0,  4.0]]
        """)
    #expect(
      Tensor(shape: [2, 1, 2], as: .float64) { Double($0) }.description == """
        Tensor [2, 1, 2] float64
        [[[0.0, 1.0]],

         [[2.0, 3.0]]]
        """)
    #expect(
      Tensor(shape: [1001]) { Double($0 % 10) }.description == """
        Tensor [1001] float32
        [0.0, 1.0, 2.0, …, 8.0, 9.0, 0.0]
        """)
    #expect(
      Tensor(zeros: [8, 200]).description == """
        Tensor [8, 200] float32
        [[0.0, 0.0, 0.0, …, 0.0, 0.0, 0.0],
         [0.0, 0.0, 0.0, …, 0.0, 0.0, 0.0],
         [0.0, 0.0, 0.0, …, 0.0, 0.0, 0.0],
         …,
         [0.0, 0.0, 0.0, …, 0.0, 0.0, 0.0],
         [0.0, 0.0, 0.0, …, 0.0, 0.0, 0.0],
         [0.0, 0.0, 0.0, …, 0.0, 0.0, 0.0]]
        """)
    #expect(Tensor(repeating: 0.1, shape: [], as: .float16).description == "Tensor [] float16\n0.1")
    #expect(Tensor(zeros: [0, 3]).description == "Tensor [0, 3] float32\n[]")
  }
}

import ScalarTypes
import Safetensors
import Testing

@Suite struct SafetensorsScalarTypeTests {
  @Test(arguments: ScalarType.allCases)
  func `Every type of a tensor has a type in the format, and is converted back`(scalarType: ScalarType) {
    let stored = SafetensorsScalarType(scalarType)
    #expect(stored.scalarType == scalarType)
    #expect(stored.bitCount == 8 * scalarType.byteCount)
  }

  @Test func `The four types of a tensor have the format's names`() {
    #expect(SafetensorsScalarType(.bfloat16).rawValue == "BF16")
    #expect(SafetensorsScalarType(.float16).rawValue == "F16")
    #expect(SafetensorsScalarType(.float32).rawValue == "F32")
    #expect(SafetensorsScalarType(.float64).rawValue == "F64")
  }

  @Test func `Only the four types of a tensor map to a tensor's type`() {
    #expect(SafetensorsScalarType.allCases.filter { $0.scalarType != nil }.count == 4)
  }

  /// The number in a type's name is the width of an element.
  @Test(arguments: SafetensorsScalarType.allCases)
  func `A type is as wide as its name says`(type: SafetensorsScalarType) throws {
    let digits = type.rawValue.drop { !$0.isNumber }.prefix { $0.isNumber }
    #expect(type.bitCount == (type == .bool ? 8 : Int(digits)))
  }
}

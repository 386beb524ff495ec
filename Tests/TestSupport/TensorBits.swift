import Tensors
import Testing

extension Tensor {
  /// Creates a tensor of these values, rounded to the type.
  package init(_ values: [Double], shape: Shape, as type: ScalarType) {
    self = Tensor(scalars: values, shape: shape).converted(to: type)
  }

  /// The exact elements.
  package var doubles: [Double] { scalars(as: Double.self) }

  /// The bits of all elements, which also distinguish different NaNs, and 0 from −0.
  package var bits: Bits { Bits(bytes: withUnsafeBytes { Array($0) }) }

  /// The same values in new memory.
  package var rewritten: Tensor { Tensor(doubles, shape: shape, as: scalarType) }
}

/// Bytes that are compared as one value. If arrays differ, `#expect` searches for their longest common part
/// and prints both.
package struct Bits: Equatable, CustomTestStringConvertible {
  /// The bytes.
  package let bytes: [UInt8]

  /// These bytes.
  package init(bytes: [UInt8]) { self.bytes = bytes }

  /// The number of bytes and their hash.
  package var testDescription: String { "\(bytes.count) bytes with the hash \(bytes.hashValue)" }
}

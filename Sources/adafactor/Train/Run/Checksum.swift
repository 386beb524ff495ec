import Foundation
import Tensors

/// 64-bit FNV-1a. It distinguishes two runs or two tables, but does not protect against forgery.
struct Checksum {
  private var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
  }

  mutating func add(_ tensor: Tensor) {
    tensor.withUnsafeBytes { add($0) }
  }

  var text: String { String(format: "%016llx", value) }
}

extension Perceptron {
  var checksum: String {
    var checksum = Checksum()
    for parameter in parameters { checksum.add(parameter.value) }
    return checksum.text
  }
}

extension Dataset {
  /// The checksum of all features, labels and class names.
  var checksum: String {
    var checksum = Checksum()
    checksum.add(features)
    for label in labels { checksum.add("\(classNames[label])\n".utf8) }
    return checksum.text
  }
}

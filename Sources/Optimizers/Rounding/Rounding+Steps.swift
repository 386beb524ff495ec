import KernelInterface
import ScalarTypes

extension Rounding {
  /// Returns whether steps of a parameter of this type keep the rounding error.
  package func keepsResidual(of type: ScalarType) -> Bool { self == .compensated && type.hasResidual }

  /// Returns the rounding at step `step` of a tensor, counted from 1.
  ///
  /// - Parameter residual: The tensor's residual, if this rounding keeps one.
  func rounding(
    nameHash: UInt64, step: Int, seed: UInt64, residual: MutableElements?
  ) -> ParameterRounding {
    switch self {
    case .nearest: return .nearest
    case .stochastic:
      return .stochastic(
        key: mixed(mixed(seed ^ nameHash) &+ UInt64(truncatingIfNeeded: step)), first: 0)
    case .compensated: return residual.map { .compensated(residual: $0) } ?? .nearest
    }
  }

  /// Returns FNV-1a of the name's UTF-8. It is the same in every run, unlike Swift's own hashes.
  static func hash(ofName name: String) -> UInt64 { hash(of: name.utf8) }

  /// Returns FNV-1a of a sequence of bytes.
  static func hash(of bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  }
}

extension ScalarType {
  /// Whether rounding to this type has an error to keep. Float32 and Float64 parameters are not rounded.
  var hasResidual: Bool { self == .bfloat16 || self == .float16 }
}

/// Returns a word in which every bit depends on every bit of `word`: a step of SplitMix64.
private func mixed(_ word: UInt64) -> UInt64 {
  var word = word &+ 0x9E37_79B9_7F4A_7C15
  word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
  word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
  return word ^ (word >> 31)
}

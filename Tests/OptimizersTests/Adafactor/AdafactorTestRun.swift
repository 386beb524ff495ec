import Foundation
import Optimizers
import Tensors
import Testing

/// xʸ of the C library: the oracle takes nothing from the library under test.
func power(_ x: Double, _ y: Double) -> Double { pow(x, y) }

/// tanh of the C library.
func tangent(_ x: Double) -> Double { tanh(x) }

/// Reproducible numbers: a congruential generator apart from the library's own.
struct TestNumbers {
  private var state: UInt64

  init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }

  /// Uniform in −1 ..< 1.
  mutating func next() -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int64(bitPattern: state) >> 40) / Float(1 << 23)
  }

  /// Uniform numbers times `scale`.
  mutating func array(_ count: Int, scale: Float = 1) -> [Float] {
    var values = [Float](repeating: 0, count: count)
    for index in 0..<count { values[index] = scale * next() }
    return values
  }

  /// A gradient whose rows differ in size by six orders of magnitude.
  mutating func gradient(_ shape: Shape) -> [Float] {
    let scales: [Float] = [1, 1e-3, 30, 1e3, 0.1, 1e-2, 7]
    var values: [Float] = []
    values.reserveCapacity(shape.elementCount)
    while values.count < shape.elementCount {
      let scale = scales[values.count / shape.columns % 7]
      for _ in 0..<shape.columns { values.append(scale * next()) }
    }
    return values
  }
}

extension Tensor {
  /// A tensor of these values, rounded to the type.
  init(_ values: [Double], shape: Shape, as type: ScalarType) {
    self = Tensor(scalars: values, shape: shape).converted(to: type)
  }

  /// The elements, exactly.
  var doubles: [Double] { scalars(as: Double.self) }

  /// The bits of all elements, which also tell NaN from NaN and 0 from −0.
  var bits: Bits { Bits(bytes: withUnsafeBytes { Array($0) }) }

  /// The same values in memory of its own.
  var rewritten: Tensor { Tensor(doubles, shape: shape, as: scalarType) }
}

/// Bytes that are compared as one: where arrays differ, `#expect` looks for their longest common part and prints both.
struct Bits: Equatable, CustomTestStringConvertible {
  let bytes: [UInt8]
  var testDescription: String { "\(bytes.count) bytes with the hash \(bytes.hashValue)" }
}

/// All bits of a state.
struct StateBits: Equatable {
  let step: Int
  let moments: [Bits?]
  let rootMeanSquare: UInt64?

  init?(_ state: Adafactor.State?) {
    guard let state else { return nil }
    step = state.step
    moments = [state.rowMoments, state.columnMoments, state.secondMoments, state.firstMoments].map {
      $0?.bits
    }
    rootMeanSquare = state.rootMeanSquare?.bitPattern
  }
}

/// All bits of a parameter and its state.
struct ParameterBits: Equatable {
  let value: Bits
  let state: StateBits?

  init(_ parameter: Parameter, _ optimizer: Adafactor) {
    value = parameter.value.bits
    state = StateBits(optimizer.state(of: parameter))
  }
}

/// Describes the first of `found` that lies further from its expected value than `bound`; nil where there is none.
func disagreement(_ found: [Double], _ expected: [Double], bound: (Double) -> Double) -> String? {
  if found.count != expected.count { return "\(found.count) elements, not \(expected.count)" }
  for index in 0..<found.count {
    let (our, their) = (found[index], expected[index])
    if our.isNaN && their.isNaN { continue }
    if !((our - their).magnitude <= bound(their)) {
      return "[\(index)] is \(our), not \(their) ± \(bound(their))"
    }
  }
  return nil
}

extension AdafactorOracle {
  /// The oracle of a parameter as it is now.
  init(_ parameter: Parameter, options: Adafactor.Options) {
    self.init(parameter.value.doubles, shape: parameter.value.shape.dimensions, options: options)
  }

  /// Where a parameter or its state lies too far from this oracle, described; nil where nothing does.
  ///
  /// - Displacements agree to 2·10⁻⁶ of the largest, and one unit in the last place of the largest parameter a step: the
  ///   parameter is rounded in each.
  /// - R, C and V agree to 2·10⁻⁶ of each; M to 2·10⁻⁶ of the largest a step: updates of both signs cancel in it.
  func difference(
    from parameter: Parameter, initial: [Double], state: Adafactor.State, relative: Double = 2e-6
  ) -> String? {
    let largest = zip(self.parameter, initial).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
    let magnitude = self.parameter.reduce(initial.reduce(0) { max($0, $1.magnitude) }) {
      max($0, $1.magnitude)
    }
    let unit = parameter.value.scalarType == .float64 ? magnitude.ulp : Double(Float(magnitude).ulp)
    let bound = relative * largest + Double(step) * unit
    if let text = disagreement(parameter.value.doubles, self.parameter, bound: { _ in bound }) {
      return "parameter \(text), largest displacement \(largest)"
    }
    if state.step != step { return "step is \(state.step), not \(step)" }
    for (name, ours, theirs) in [
      ("R", state.rowMoments, rowMoments), ("C", state.columnMoments, columnMoments),
      ("V", state.secondMoments, secondMoments),
    ] {
      if let text = disagreement(ours?.doubles ?? [], theirs, bound: { relative * $0 }) {
        return "\(name)\(text)"
      }
    }
    if let moments = state.firstMoments {
      let bound = relative * firstMoments.reduce(0) { max($0, $1.magnitude) }
      if let text = disagreement(moments.doubles, firstMoments, bound: { _ in bound * Double(step) }) {
        return "M\(text)"
      }
    }
    return nil
  }
}

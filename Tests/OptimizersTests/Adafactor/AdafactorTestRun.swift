import Foundation
import Optimizers
import Tensors
import TestSupport
import Testing

/// Returns xʸ from the C library, because the oracle must use nothing from the library under test.
func power(_ x: Double, _ y: Double) -> Double { pow(x, y) }

/// Returns tanh from the C library.
func tangent(_ x: Double) -> Double { tanh(x) }

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

extension AdafactorOracle {
  /// Creates the oracle of a parameter in its current state.
  init(_ parameter: Parameter, options: Adafactor.Options) {
    self.init(parameter.value.doubles, shape: parameter.value.shape.dimensions, options: options)
  }

  /// Returns a description of where a parameter or its state is too far from this oracle, or nil if they agree.
  ///
  /// - Displacements agree to 2·10⁻⁶ of the largest, and one unit in the last place of the largest parameter per step,
  ///   because each step rounds the parameter.
  /// - R, C and V agree to 2·10⁻⁶ of each element. M agrees to 2·10⁻⁶ of the largest per step, because updates of both
  ///   signs cancel in it.
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

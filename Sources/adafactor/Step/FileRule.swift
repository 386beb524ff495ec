import Optimizers
import Tensors

/// A rule that steps files, one parameter after the other.
protocol FileRule: RoundedRule {
  /// The parts of a parameter's state after a step, apart from the residual of a rounding: a file's header is written
  /// before its tensors.
  func stateParts(of shape: Shape) -> StateParts
}

extension FileRule {
  /// The parts of the state before the first step, which most rules keep. The memory of its zeros is never touched.
  func stateParts(of shape: Shape) -> StateParts {
    let state = initialState(shape: shape, scalarType: .float32)
    return StateParts(tensors: state.tensors.mapValues(\.shape), numbers: Array(state.numbers.keys))
  }
}

extension SGDOptions: FileRule {}
extension LionOptions: FileRule {}
extension StableAdamWOptions: FileRule {}
extension CAMEOptions: FileRule {}
extension MuonOptions: FileRule {}
extension SOAPOptions: FileRule {}
extension FactoredSOAPOptions: FileRule {}

/// The parts of a parameter's state by name, apart from the step.
struct StateParts {
  var tensors: [String: Shape]
  var numbers: [String]
}

extension AdafactorOptions: FileRule {
  func stateParts(of shape: Shape) -> StateParts {
    var parts = StateParts(tensors: [:], numbers: scaleParameter ? ["RMS"] : [])
    if shape.rank >= 2 {
      parts.tensors["exp_avg_sq_row"] = shape.removing(axis: -1)
      parts.tensors["exp_avg_sq_col"] = shape.removing(axis: -2)
    } else {
      parts.tensors["exp_avg_sq"] = shape
    }
    if beta1 != nil { parts.tensors["exp_avg"] = shape }
    return parts
  }
}

extension AdamWOptions: FileRule {
  func stateParts(of shape: Shape) -> StateParts {
    var parts = StateParts(tensors: ["exp_avg": shape, "exp_avg_sq": shape], numbers: [])
    if amsgrad { parts.tensors["max_exp_avg_sq"] = shape }
    return parts
  }
}

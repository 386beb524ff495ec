import Optimizers
import Tensors

/// A rule that steps parameters in files, one after the other.
protocol FileRule: RoundedRule {
  /// Returns the parts of a parameter's state after a step, without the residual of a rounding. A file's
  /// header is written before its tensors, so they must be known in advance. `before` has the tensors of the
  /// state before the step.
  func stateParts(of shape: Shape, before: [String: Shape]) -> StateParts

  /// The tensors that a step removes from the state. Other tensors that it doesn't use are kept.
  static var removedParts: Set<String> { get }
}

extension FileRule {
  static var removedParts: Set<String> { [] }

  /// Returns the parts of the state before the first step, which most rules keep. The memory of these zeros
  /// is never touched.
  func stateParts(of shape: Shape, before: [String: Shape]) -> StateParts {
    let state = initialState(shape: shape, scalarType: .float32)
    return StateParts(tensors: state.tensors.mapValues(\.shape), numbers: Array(state.numbers.keys))
  }
}

extension SGDOptions: FileRule {}
extension LionOptions: FileRule {}
extension StableAdamWOptions: FileRule {}
extension CAMEOptions: FileRule {}
extension MuonOptions: FileRule {}

extension ScheduleFreeAdamWOptions: FileRule {
  /// The training weights, which evaluation mode stores.
  static var removedParts: Set<String> { ["y"] }
}

extension SOAPOptions: FileRule {
  /// Returns the parts after a step. The first step decides which axes have an eigenbasis.
  func stateParts(of shape: Shape, before: [String: Shape]) -> StateParts {
    StateParts(tensors: before.isEmpty ? stateShapes(of: shape) : before, numbers: [])
  }
}

extension FactoredSOAPOptions: FileRule {
  /// Returns the parts after a step. The first step decides which axes have an eigenbasis; momentum may begin
  /// later.
  func stateParts(of shape: Shape, before: [String: Shape]) -> StateParts {
    var tensors = before.isEmpty ? stateShapes(of: shape) : before
    if adafactor.beta1 != nil { tensors["exp_avg"] = shape }
    return StateParts(tensors: tensors, numbers: [])
  }
}

extension GaLoreAdamWOptions: FileRule {
  /// Returns the parts after a step. The first step decides how a matrix is projected.
  func stateParts(of shape: Shape, before: [String: Shape]) -> StateParts {
    StateParts(tensors: stateShapes(of: shape, before: before), numbers: [])
  }
}

extension GaLoreAdafactorOptions: FileRule {
  /// Returns the parts after a step. The first step decides how a matrix is projected; momentum may begin
  /// later.
  func stateParts(of shape: Shape, before: [String: Shape]) -> StateParts {
    StateParts(tensors: stateShapes(of: shape, before: before), numbers: [])
  }
}

/// The parts of a parameter's state by name, without the step.
struct StateParts {
  var tensors: [String: Shape]
  var numbers: [String]
}

extension AdafactorOptions: FileRule {
  func stateParts(of shape: Shape, before: [String: Shape]) -> StateParts {
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
  func stateParts(of shape: Shape, before: [String: Shape]) -> StateParts {
    var parts = StateParts(tensors: ["exp_avg": shape, "exp_avg_sq": shape], numbers: [])
    if amsgrad { parts.tensors["max_exp_avg_sq"] = shape }
    return parts
  }
}

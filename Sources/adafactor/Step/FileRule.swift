import Optimizers
import Tensors

/// A rule that steps files, one parameter after the other.
protocol FileRule: RoundedRule {
  /// The parts of a parameter's state after a step, apart from the residual of a rounding: a file's header is written
  /// before its tensors. `before` has the tensors of the state before the step.
  func stateParts(of shape: Shape, before: [String: Shape]) -> StateParts

  /// The tensors that a step removes from the state. Others that it doesn't use stay.
  static var removedParts: Set<String> { get }
}

extension FileRule {
  static var removedParts: Set<String> { [] }

  /// The parts of the state before the first step, which most rules keep. The memory of its zeros is never touched.
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
  /// The training weights, which evaluation mode keeps.
  static var removedParts: Set<String> { ["y"] }
}

extension SOAPOptions: FileRule {
  /// Which axes have an eigenbasis is decided at the first step.
  func stateParts(of shape: Shape, before: [String: Shape]) -> StateParts {
    StateParts(tensors: before.isEmpty ? stateShapes(of: shape) : before, numbers: [])
  }
}

extension FactoredSOAPOptions: FileRule {
  /// Which axes have an eigenbasis is decided at the first step; momentum may begin later.
  func stateParts(of shape: Shape, before: [String: Shape]) -> StateParts {
    var tensors = before.isEmpty ? stateShapes(of: shape) : before
    if adafactor.beta1 != nil { tensors["exp_avg"] = shape }
    return StateParts(tensors: tensors, numbers: [])
  }
}

extension GaLoreAdamWOptions: FileRule {
  /// How a matrix is projected is decided at the first step.
  func stateParts(of shape: Shape, before: [String: Shape]) -> StateParts {
    StateParts(tensors: stateShapes(of: shape, before: before), numbers: [])
  }
}

extension GaLoreAdafactorOptions: FileRule {
  /// How a matrix is projected is decided at the first step; momentum may begin later.
  func stateParts(of shape: Shape, before: [String: Shape]) -> StateParts {
    StateParts(tensors: stateShapes(of: shape, before: before), numbers: [])
  }
}

/// The parts of a parameter's state by name, apart from the step.
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

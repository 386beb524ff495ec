import Optimizers
import Tensors

/// An optimizer that steps files, one parameter after the other.
protocol FileSteppable: RestorableOptimizer, Optimizer {
  /// An optimizer of one parameter.
  init(
    parameter: Parameter, options: Options, backend: Backend, threads: Int?
  ) throws(OptimizerError)

  /// What a parameter's state consists of after a step, beside the residual of a rounding: a file's header is
  /// written before its tensors.
  static func stateParts(of shape: Shape, options: Options) -> StateParts
}

/// The parts of a parameter's state by name, apart from the step.
struct StateParts {
  var tensors: [String: Shape]
  var numbers: [String]
}

extension Adafactor: FileSteppable {
  convenience init(
    parameter: Parameter, options: Options, backend: Backend, threads: Int?
  ) throws(OptimizerError) {
    try self.init([parameter], options: options, backend: backend, threads: threads)
  }

  static func stateParts(of shape: Shape, options: Options) -> StateParts {
    var parts = StateParts(tensors: [:], numbers: options.scaleParameter ? ["RMS"] : [])
    if shape.rank >= 2 {
      parts.tensors["exp_avg_sq_row"] = shape.removing(axis: -1)
      parts.tensors["exp_avg_sq_col"] = shape.removing(axis: -2)
    } else {
      parts.tensors["exp_avg_sq"] = shape
    }
    if options.beta1 != nil { parts.tensors["exp_avg"] = shape }
    return parts
  }
}

extension AdamW: FileSteppable {
  convenience init(
    parameter: Parameter, options: Options, backend: Backend, threads: Int?
  ) throws(OptimizerError) {
    try self.init([parameter], options: options, backend: backend, threads: threads)
  }

  static func stateParts(of shape: Shape, options: Options) -> StateParts {
    var parts = StateParts(tensors: ["exp_avg": shape, "exp_avg_sq": shape], numbers: [])
    if options.amsgrad { parts.tensors["max_exp_avg_sq"] = shape }
    return parts
  }
}

import Checkpoints
import Optimizers
import Safetensors
import Tensors

/// The files that a step reads, open, with what belongs to each parameter.
struct StepInputs {
  let parameters: SafetensorsFile
  let gradients: SafetensorsFile
  let state: SafetensorsFile?
  /// The state's tensors by parameter and part.
  let stateTensors: [String: [String: SafetensorsTensor]]

  init(parameters: String, gradients: String, state: String?) throws {
    self.parameters = try SafetensorsFile(path: parameters)
    self.gradients = try SafetensorsFile(path: gradients)
    self.state = try state.map { try SafetensorsFile(path: $0) }
    var stateTensors: [String: [String: SafetensorsTensor]] = [:]
    for tensor in self.state?.tensors ?? [] {
      guard let (parameter, part) = StateNames.split(tensor.name),
        self.parameters.header.tensor(named: parameter) != nil
      else {
        throw ToolFileError(
          path: state!, problem: "\"\(tensor.name)\" belongs to no parameter of \(parameters)")
      }
      stateTensors[parameter, default: [:]][part] = tensor
    }
    self.stateTensors = stateTensors
    for gradient in self.gradients.tensors {
      guard let parameter = self.parameters.header.tensor(named: gradient.name) else {
        throw ToolFileError(
          path: gradients, problem: "\"\(gradient.name)\" is a gradient of no parameter of \(parameters)")
      }
      guard gradient.shape == parameter.shape else {
        throw ToolFileError(
          path: gradients,
          problem: "the gradient of \"\(gradient.name)\" has the shape \(gradient.shape), its parameter "
            + "in \(parameters) the shape \(parameter.shape)")
      }
      for (tensor, path) in [(parameter, parameters), (gradient, gradients)]
      where tensor.scalarType.scalarType == nil {
        throw ToolFileError(
          path: path, problem: "\"\(tensor.name)\" is \(tensor.scalarType), which no step can change")
      }
    }
  }

  /// Whether a parameter takes part in the step.
  func hasGradient(_ name: String) -> Bool { gradients.header.tensor(named: name) != nil }

  /// A parameter's state before the step; nil before its first.
  func state<State: ParameterState>(of parameter: String, as type: State.Type) throws -> State? {
    guard let state, let parts = stateTensors[parameter] else { return nil }
    func failure(_ part: String, _ problem: String) -> ToolFileError {
      ToolFileError(path: state.path, problem: "\"\(StateNames.name(of: part, parameter))\" \(problem)")
    }
    var tensors: [String: Tensor] = [:]
    var numbers: [String: Double] = [:]
    let tensorNames = State.tensorNames ?? []
    for (part, stored) in parts where part != StateNames.step {
      guard tensorNames.contains(part) || State.numberNames.contains(part) else {
        throw failure(part, "is not a part of this optimizer's state")
      }
      guard stored.scalarType.scalarType != nil else {
        throw failure(part, "is \(stored.scalarType), not floating-point")
      }
      if tensorNames.contains(part) {
        tensors[part] = try state.readTensor(stored)
      } else {
        guard stored.shape.isEmpty else {
          throw failure(part, "has the shape \(stored.shape), not one number")
        }
        numbers[part] = try state.readTensor(stored)[]
      }
    }
    guard let stored = parts[StateNames.step], stored.shape.isEmpty, let step = try state.readInteger(stored)
    else { throw failure(StateNames.step, "is missing or not a whole number") }
    return State(step: step, tensors: tensors, numbers: numbers)
  }
}

extension SafetensorsFile {
  func readTensor(_ stored: SafetensorsTensor) throws -> Tensor {
    guard let type = stored.scalarType.scalarType else {
      fatalError("\(stored.name) is \(stored.scalarType)")
    }
    var tensor = Tensor(uninitialized: Shape(stored.shape), as: type)
    try tensor.withUnsafeMutableBytes { try read(stored.name, into: $0) }
    return tensor
  }

  /// A single integer, which torch may have stored in floating-point; nil where it is none.
  func readInteger(_ stored: SafetensorsTensor) throws -> Int? {
    if stored.scalarType == .int64 {
      return Int(try bytes(of: stored.name).withUnsafeBytes { $0.loadUnaligned(as: Int64.self) })
    }
    return stored.scalarType.scalarType == nil ? nil : Int(exactly: try readTensor(stored)[])
  }
}

import Checkpoints
import Optimizers
import Safetensors
import Tensors

/// The open files that a step reads, with the tensors that belong to each parameter.
struct StepInputs {
  let parameters: SafetensorsFile
  let gradients: SafetensorsFile
  let state: SafetensorsFile?
  /// The state's tensors by parameter and part.
  let stateTensors: [ExactString: [String: SafetensorsTensor]]

  init(parameters: String, gradients: String, state: String?) throws {
    self.parameters = try SafetensorsFile(path: parameters)
    self.gradients = try SafetensorsFile(path: gradients)
    self.state = try state.map { try SafetensorsFile(path: $0) }
    var stateTensors: [ExactString: [String: SafetensorsTensor]] = [:]
    for tensor in self.state?.tensors ?? [] {
      guard let (parameter, part) = StateNames.split(tensor.name),
        self.parameters.header.tensor(named: parameter) != nil
      else {
        throw ToolFileError(
          path: state!, problem: "\"\(tensor.name)\" belongs to no parameter in \(parameters)")
      }
      stateTensors[ExactString(parameter), default: [:]][part] = tensor
    }
    self.stateTensors = stateTensors
    for gradient in self.gradients.tensors {
      guard let parameter = self.parameters.header.tensor(named: gradient.name) else {
        throw ToolFileError(
          path: gradients, problem: "\"\(gradient.name)\" is the gradient of no parameter in \(parameters)")
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

  /// Returns whether a parameter takes part in the step. A parameter without elements does not, whatever its
  /// shape: nothing in it changes, but the moments of its other axes could take any amount of memory.
  func takesPart(_ parameter: SafetensorsTensor) -> Bool {
    gradients.header.tensor(named: parameter.name) != nil && !parameter.byteRange.isEmpty
  }

  /// Returns a parameter's state before the step, or `nil` before its first step.
  func state<State: ParameterState>(of parameter: String, as type: State.Type) throws -> State? {
    guard let state, let parts = stateTensors[ExactString(parameter)] else { return nil }
    func failure(_ part: String, _ problem: String) -> ToolFileError {
      ToolFileError(path: state.path, problem: "\"\(StateNames.name(of: part, parameter))\" \(problem)")
    }
    var tensors: [String: Tensor] = [:]
    var numbers: [String: Double] = [:]
    for (part, stored) in parts where part != StateNames.step {
      let isTensor = State.tensorNames?.contains(part) ?? !State.numberNames.contains(part)
      guard isTensor || State.numberNames.contains(part) else {
        throw failure(part, "is not part of this optimizer's state")
      }
      guard stored.scalarType.scalarType != nil else {
        throw failure(part, "is \(stored.scalarType), not floating-point")
      }
      if isTensor {
        tensors[part] = try state.readTensor(stored)
      } else {
        guard stored.elementCount == 1 else {
          throw failure(part, "has the shape \(stored.shape), not one number")
        }
        numbers[part] = try state.readTensor(stored).scalars(as: Double.self)[0]
      }
    }
    guard let counter = parts[StateNames.step] else { throw failure(StateNames.step, "is missing") }
    guard let step = try state.readInteger(counter) else {
      throw failure(StateNames.step, "is \(try state.describe(counter)), not a signed 64-bit integer")
    }
    guard step < Int.max else {
      throw failure(StateNames.step, "is \(step): the next step cannot be counted")
    }
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

  /// Returns a single integer of any type, or a whole number that torch has stored in floating point, or
  /// `nil` for other tensors.
  func readInteger(_ stored: SafetensorsTensor) throws -> Int? {
    guard stored.elementCount == 1 else { return nil }
    if stored.scalarType.scalarType != nil {
      return Int(exactly: try readTensor(stored).scalars(as: Double.self)[0])
    }
    let bytes = try bytes(of: stored.name)
    func integer<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Int? {
      Int(exactly: bytes.withUnsafeBytes { $0.loadUnaligned(as: type) })
    }
    return switch stored.scalarType {
    case .int64: integer(Int64.self)
    case .uint64: integer(UInt64.self)
    case .int32: integer(Int32.self)
    case .uint32: integer(UInt32.self)
    case .int16: integer(Int16.self)
    case .uint16: integer(UInt16.self)
    case .int8: integer(Int8.self)
    case .uint8: integer(UInt8.self)
    default: nil
    }
  }

  /// Returns a tensor's type, and its value or its shape.
  func describe(_ stored: SafetensorsTensor) throws -> String {
    guard stored.elementCount == 1, stored.scalarType.scalarType != nil else {
      return "\(stored.scalarType) of shape \(stored.shape)"
    }
    return "\(try readTensor(stored).scalars(as: Double.self)[0])"
  }
}

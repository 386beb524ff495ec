import CAdafactor
import KernelInterface
import Optimizers
import Tensors

/// A tensor of a call, read from the caller's struct and checked.
struct TensorDescription {
  let name: String
  let shape: Shape
  let scalarType: ScalarType
  let gradientType: ScalarType
  let states: [StateDescription]

  /// A tensor of the state in the caller's memory.
  struct StateDescription {
    let name: String
    let tensor: Tensor
    /// The address of the caller's memory.
    let address: UnsafeMutableRawPointer
    let isNew: Bool
  }

  /// Stands for addresses that are null because there are no elements. Nothing is read or written there.
  static var nowhere: UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: 64)! }

  /// Reads and checks everything about a tensor that does not depend on the optimizer.
  init(_ tensor: adafactor_tensor, index: Int) throws(InterfaceError) {
    func fail(_ message: String) -> InterfaceError {
      InterfaceError(ADAFACTOR_INVALID_TENSOR, message, tensor: index)
    }
    do throws(InterfaceError) {
      name = tensor.name == nil ? "tensor \(index)" : try text(tensor.name, "The name")
    } catch { throw fail(error.message) }
    let name = name
    shape = try Self.shape(tensor.shape, tensor.rank, fail, of: "\"\(name)\"")
    guard let scalarType = ScalarType(code: tensor.parameter_type) else {
      throw fail("The parameter_type of \"\(name)\" is \(tensor.parameter_type): \(ScalarType.codes).")
    }
    guard let gradientType = ScalarType(code: tensor.gradient_type) else {
      throw fail("The gradient_type of \"\(name)\" is \(tensor.gradient_type): \(ScalarType.codes).")
    }
    (self.scalarType, self.gradientType) = (scalarType, gradientType)
    if shape.elementCount > 0 && (tensor.parameter == nil || tensor.gradient == nil) {
      throw fail(
        "The \(tensor.parameter == nil ? "parameter" : "gradient") of \"\(name)\" is null, but the shape \(shape) "
          + "has elements."
      )
    }
    guard tensor.gradient_scale.isFinite else {
      throw fail(
        "The gradient_scale of \"\(name)\" is \(tensor.gradient_scale): it must be finite, usually 1.")
    }
    guard tensor.squares >= 0 && tensor.squares.isFinite else {
      throw fail(
        "The squares of \"\(name)\" are \(tensor.squares): a sum of squares is finite and not negative; 0 if unknown."
      )
    }
    guard tensor.has_state == 0 || tensor.has_state == 1 else {
      throw fail("The has_state of \"\(name)\" is \(tensor.has_state): it must be 0 or 1.")
    }
    guard tensor.step >= 0, tensor.step < 1 << 53, tensor.has_state == 1 || tensor.step == 0 else {
      throw fail(
        "The step of \"\(name)\" is \(tensor.step): it counts from 0 to 2^53, and is 0 without a state.")
    }
    guard (0...64).contains(tensor.state_count), tensor.states != nil || tensor.state_count == 0 else {
      throw fail(
        "The states of \"\(name)\" are null, or their number \(tensor.state_count) is not in 0...64.")
    }
    var states: [StateDescription] = []
    for place in 0..<Int(tensor.state_count) {
      let state = try StateDescription(tensor.states[place], of: name, isNew: tensor.has_state == 0, index)
      guard !states.contains(where: { $0.name == state.name }) else {
        throw InterfaceError(
          ADAFACTOR_INVALID_STATE, "The state of \"\(name)\" has two tensors \"\(state.name)\".",
          tensor: index)
      }
      states.append(state)
    }
    self.states = states
  }

  /// Reads a shape. All sizes that are computed from it later fit `Int`, also where a dimension is 0.
  fileprivate static func shape(
    _ dimensions: UnsafePointer<Int64>?, _ rank: Int64, _ fail: (String) -> InterfaceError, of name: String
  ) throws(InterfaceError) -> Shape {
    guard (0...Int64(ADAFACTOR_MAX_RANK)).contains(rank), dimensions != nil || rank == 0 else {
      throw fail(
        "The shape of \(name) is null, or its rank \(rank) is not in 0...\(ADAFACTOR_MAX_RANK).")
    }
    let dimensions = (0..<Int(rank)).map { Int(dimensions![$0]) }
    var bytes = 8
    for dimension in dimensions {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: max(1, dimension))
      guard dimension >= 0, !overflow else {
        throw fail(
          "The shape of \(name) is \(dimensions): dimensions are at least 0, and their product fits 60 bits.")
      }
      bytes = product
    }
    return Shape(dimensions)
  }

  /// Reads a shape of a parameter that has no elements here.
  static func shape(_ dimensions: UnsafePointer<Int64>?, _ rank: Int64) throws(InterfaceError) -> Shape {
    try shape(dimensions, rank, { InterfaceError(ADAFACTOR_INVALID_TENSOR, $0) }, of: "the parameter")
  }
}

extension TensorDescription.StateDescription {
  fileprivate init(
    _ state: adafactor_state, of parameter: String, isNew: Bool, _ index: Int
  ) throws(InterfaceError) {
    func fail(_ message: String) -> InterfaceError {
      InterfaceError(ADAFACTOR_INVALID_STATE, message, tensor: index)
    }
    do throws(InterfaceError) { name = try text(state.name, "The name of a state of \"\(parameter)\"") } catch
    {
      throw fail(error.message)
    }
    let title = "\"\(name)\" of \"\(parameter)\""
    let shape = try TensorDescription.shape(state.shape, state.rank, fail, of: title)
    guard let type = ScalarType(code: state.type) else {
      throw fail("The type of \(title) is \(state.type): \(ScalarType.codes).")
    }
    guard state.data != nil || shape.elementCount == 0 else {
      throw fail("The data of \(title) is null, but the shape \(shape) has elements.")
    }
    address = state.data ?? TensorDescription.nowhere
    guard UInt(bitPattern: address) % UInt(type.byteCount) == 0 else {
      throw fail(
        "The data of \(title) is at \(address): the address must be a multiple of \(type.byteCount).")
    }
    guard state.is_new == 0 || state.is_new == 1 else {
      throw fail("The is_new of \(title) is \(state.is_new): it must be 0 or 1.")
    }
    self.isNew = isNew || state.is_new == 1
    tensor = Tensor(bytesNoCopy: address, shape: shape, as: type, deallocator: {})
  }
}

extension ScalarType {
  /// The type of a number in the header.
  init?(code: Int32) {
    switch Int(code) {
    case ADAFACTOR_FLOAT32: self = .float32
    case ADAFACTOR_FLOAT64: self = .float64
    case ADAFACTOR_FLOAT16: self = .float16
    case ADAFACTOR_BFLOAT16: self = .bfloat16
    default: return nil
    }
  }

  /// The number in the header.
  var code: Int32 {
    switch self {
    case .float32: Int32(ADAFACTOR_FLOAT32)
    case .float64: Int32(ADAFACTOR_FLOAT64)
    case .float16: Int32(ADAFACTOR_FLOAT16)
    case .bfloat16: Int32(ADAFACTOR_BFLOAT16)
    }
  }

  static var codes: String {
    "the types are " + allCases.map { "\($0.code) for \($0.rawValue)" }.sorted().joined(separator: ", ")
  }
}

import CAdafactor
import Optimizers
import Schedules

/// An error of the C interface: the result of the function, and its message.
struct InterfaceError: Error {
  let code: Int
  let message: String
  /// The index of the tensor that the error is about.
  var tensor: Int?

  init(_ code: Int, _ message: String, tensor: Int? = nil) {
    self.code = code
    self.message = message
    self.tensor = tensor
  }

  /// An error of an optimizer about its options, or about one tensor.
  init(_ error: OptimizerError, tensor: Int? = nil) {
    let code =
      switch error {
      case .unsupportedShape: ADAFACTOR_INVALID_TENSOR
      case .stateShape, .stateType, .stateValue, .inEvaluationMode: ADAFACTOR_INVALID_STATE
      case .nonFiniteGradient, .infiniteParameter: ADAFACTOR_NON_FINITE
      default: tensor == nil ? ADAFACTOR_INVALID_OPTION : ADAFACTOR_INVALID_STATE
      }
    self.init(code, error.description, tensor: tensor)
  }

  /// An error of a schedule, or an ill-typed option of an optimizer.
  init(_ error: ScheduleError) {
    if case .unknownName = error {
      self.init(ADAFACTOR_UNKNOWN_NAME, error.description)
    } else {
      self.init(ADAFACTOR_INVALID_OPTION, error.description)
    }
  }

  /// Writes the error to the caller's struct, if there is one.
  func write(to error: UnsafeMutablePointer<adafactor_error>?) {
    guard let error else { return }
    error.pointee.code = Int32(code)
    error.pointee.reserved = 0
    error.pointee.tensor = Int64(tensor ?? -1)
    withUnsafeMutableBytes(of: &error.pointee.message) { $0.write(message) }
  }
}

/// Runs the body of an exported function, and writes its error.
func reporting(
  to error: UnsafeMutablePointer<adafactor_error>?, _ body: () throws(InterfaceError) -> Void
) -> Int32 {
  do throws(InterfaceError) {
    try body()
  } catch let failure {
    failure.write(to: error)
    return Int32(failure.code)
  }
  if let error {
    error.pointee.code = Int32(ADAFACTOR_OK)
    error.pointee.reserved = 0
    error.pointee.tensor = -1
    withUnsafeMutableBytes(of: &error.pointee.message) { $0.write("") }
  }
  return Int32(ADAFACTOR_OK)
}

extension UnsafeMutableRawBufferPointer {
  /// Writes a text that ends with a zero byte, cut at a character if it is too long.
  func write(_ text: String) {
    var length = 0
    for character in text {
      let bytes = character.utf8
      guard length + bytes.count < count else { break }
      for byte in bytes {
        self[length] = byte
        length += 1
      }
    }
    for index in length..<count { self[index] = 0 }
  }
}

/// Reads a text of the caller.
///
/// - Throws: `InterfaceError` for an address that is null, and for bytes that are not UTF-8.
func text(_ address: UnsafePointer<CChar>?, _ argument: String) throws(InterfaceError) -> String {
  guard let address else {
    throw InterfaceError(ADAFACTOR_INVALID_CALL, "\(argument) is null: it must be a text.")
  }
  guard let text = String(validatingCString: address) else {
    throw InterfaceError(
      ADAFACTOR_INVALID_CALL, "\(argument) is \"\(String(cString: address))\", which is not UTF-8.")
  }
  return text
}

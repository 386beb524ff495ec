import Optimizers
import Safetensors
import Schedules

/// An error in saving, loading or restoring.
public enum CheckpointError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The system refused an operation.
  case file(FileError)
  /// A safetensors file could not be read or written.
  case safetensors(SafetensorsError)
  /// A tensor has a type that neither parameters nor states have.
  case unsupportedTensor(path: String, tensor: String, type: SafetensorsScalarType, shape: [Int])
  /// A file's contents are wrong; `place` names the part of the file.
  case malformed(path: String, place: String, problem: String)
  /// A value cannot be written as JSON.
  case unencodable(name: String, problem: String)
  /// The checkpoint does not hold a collection or a value of this name.
  case missing(name: String)
  /// The saved state does not fit the objects that it is restored to.
  case mismatch(StateMismatch)
  /// A scheduler refused its saved state.
  case schedule(ScheduleError)
  /// There are checkpoints, but none of them is intact.
  case noneIntact(path: String, damaged: [DamagedCheckpoint])
  /// Another run uses this directory.
  case busy(path: String)

  /// Returns the result of `body`. Its error becomes a case of this type.
  static func wrapping<Result: ~Copyable, Failure: Error>(
    _ wrapped: (Failure) -> CheckpointError, _ body: () throws(Failure) -> Result
  ) throws(CheckpointError) -> Result {
    do {
      return try body()
    } catch {
      throw wrapped(error)
    }
  }

  /// A message with names and values.
  public var description: String {
    switch self {
    case .file(let error): error.description
    case .safetensors(let error): error.description
    case .unsupportedTensor(let path, let tensor, let type, let shape):
      """
      \(path): tensor \(tensor.debugDescription) is \(type) \(shape); only floating-point tensors and single \
      numbers of I64 can be used
      """
    case .malformed(let path, let place, let problem):
      "\(path): \(place): \(problem)"
    case .unencodable(let name, let problem):
      "\(name.debugDescription) cannot be saved: \(problem)"
    case .missing(let name):
      "the checkpoint does not contain \(name.debugDescription)"
    case .mismatch(let mismatch): mismatch.description
    case .schedule(let error): error.description
    case .noneIntact(let path, let damaged):
      "no checkpoint in \(path) is intact:" + damaged.map { "\n- \($0)" }.joined()
    case .busy(let path):
      "another run is using \(path): wait until it ends, or use another directory"
    }
  }
}

/// A checkpoint that cannot be used.
public struct DamagedCheckpoint: Sendable, Equatable, CustomStringConvertible {
  /// The checkpoint's directory.
  public let path: String
  /// The problem.
  public let problem: String

  /// The path and the problem.
  public var description: String { "\(path): \(problem)" }
}

import Optimizers
import Safetensors
import Schedules

/// Why something could not be saved, loaded or restored.
public enum CheckpointError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The system refused an operation.
  case file(FileError)
  /// A safetensors file could not be read or written.
  case safetensors(SafetensorsError)
  /// A tensor of a type that is neither a parameter nor a state.
  case unsupportedTensor(path: String, tensor: String, type: SafetensorsScalarType, shape: [Int])
  /// A file holds something else than it should; `place` names what in it.
  case malformed(path: String, place: String, problem: String)
  /// A value cannot be written as JSON.
  case unencodable(name: String, problem: String)
  /// The checkpoint does not hold this.
  case missing(name: String)
  /// The saved state does not fit the training that it is restored to.
  case mismatch(StateMismatch)
  /// A scheduler refused its saved state.
  case schedule(ScheduleError)
  /// There are checkpoints, but none of them is intact.
  case noneIntact(path: String, damaged: [DamagedCheckpoint])
  /// Another run uses this directory.
  case busy(path: String)

  /// What `body` gives; its error becomes a case of this type.
  static func wrapping<Result: ~Copyable, Failure: Error>(
    _ wrapped: (Failure) -> CheckpointError, _ body: () throws(Failure) -> Result
  ) throws(CheckpointError) -> Result {
    do {
      return try body()
    } catch {
      throw wrapped(error)
    }
  }

  /// What is wrong, with names and values.
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
      "the checkpoint holds no \(name.debugDescription)"
    case .mismatch(let mismatch): mismatch.description
    case .schedule(let error): error.description
    case .noneIntact(let path, let damaged):
      "no checkpoint in \(path) is intact:" + damaged.map { "\n- \($0)" }.joined()
    case .busy(let path):
      "another run is using \(path): wait until it ends, or name another directory"
    }
  }
}

/// A checkpoint that cannot be used.
public struct DamagedCheckpoint: Sendable, Equatable, CustomStringConvertible {
  /// The checkpoint's directory.
  public let path: String
  /// What is wrong with it.
  public let problem: String

  /// The path and what is wrong.
  public var description: String { "\(path): \(problem)" }
}

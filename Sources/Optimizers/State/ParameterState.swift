import Tensors

/// The state of one parameter between steps, in named parts. The names are the reference's.
///
/// Files hold states under these names. Each optimizer lists its names in one place, independent of any file format.
public protocol ParameterState: Sendable, Equatable {
  /// Creates a state from named parts.
  init(step: Int, tensors: [String: Tensor], numbers: [String: Double])

  /// The possible names of the state's tensors, or nil if any name is possible.
  static var tensorNames: [String]? { get }

  /// The possible names of the state's numbers, other than the step.
  static var numberNames: [String] { get }

  /// The number of steps taken.
  var step: Int { get set }

  /// The tensors.
  var tensors: [String: Tensor] { get }

  /// The numbers, other than the step.
  var numbers: [String: Double] { get }
}

extension ParameterState {
  /// The size of all tensors in bytes. Memory that two tensors share counts once.
  public var byteCount: Int {
    var seen = Set<UnsafeRawPointer>()
    return tensors.values.reduce(0) { $0 + (seen.insert($1.memory).inserted ? $1.byteCount : 0) }
  }
}

/// A state of named tensors, for rules that need nothing else.
public struct MomentState: ParameterState, Equatable {
  /// Nil, because any name is possible.
  public static var tensorNames: [String]? { nil }
  /// No names.
  public static var numberNames: [String] { [] }

  /// The number of steps taken.
  public var step: Int
  /// The tensors by name.
  public var tensors: [String: Tensor]
  /// No numbers.
  public var numbers: [String: Double] { [:] }

  /// Creates a state before the first step.
  public init(_ tensors: [String: Tensor] = [:]) {
    self.init(step: 0, tensors: tensors, numbers: [:])
  }

  /// Creates a state from named parts.
  public init(step: Int, tensors: [String: Tensor], numbers: [String: Double]) {
    self.step = step
    self.tensors = tensors
  }

  /// Accesses a tensor for reading or for changing it in place.
  ///
  /// - Precondition: the state has a tensor with this name.
  public subscript(name: String) -> Tensor {
    get { tensor(name) }
    _modify {
      var tensor = tensor(name)
      tensors[name] = nil
      defer { tensors[name] = tensor }
      yield &tensor
    }
  }

  private func tensor(_ name: String) -> Tensor {
    guard let tensor = tensors[name] else {
      fatalError("A state has no tensor \"\(name)\"; it has \(tensors.keys.sorted()).")
    }
    return tensor
  }
}

extension Tensor {
  /// These moments, converted to Float32 if they have 16 bits. When torch and transformers load a state, they cast
  /// moments to the type of their parameter. Widening loses nothing.
  var widened: Tensor { scalarType.byteCount == 2 ? converted(to: .float32) : self }
}

/// The name of the rounding error, which the references do not have.
package let residualName = "residual"

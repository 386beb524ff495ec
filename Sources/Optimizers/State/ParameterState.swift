import Tensors

/// What an optimizer remembers of one parameter between steps, under the names that the reference gives the parts.
///
/// Files hold states under these names. Each optimizer lists its own in one place, and none knows a format.
public protocol ParameterState: Sendable, Equatable {
  /// A state of these parts.
  init(step: Int, tensors: [String: Tensor], numbers: [String: Double])

  /// The names that tensors of such a state can have; nil if any are possible.
  static var tensorNames: [String]? { get }

  /// The names that numbers of such a state can have, apart from the step.
  static var numberNames: [String] { get }

  /// The number of steps taken.
  var step: Int { get set }

  /// The tensors.
  var tensors: [String: Tensor] { get }

  /// The numbers, apart from the step.
  var numbers: [String: Double] { get }
}

extension ParameterState {
  /// Bytes of all tensors; memory that two of them share counts once.
  public var byteCount: Int {
    var seen = Set<UnsafeRawPointer>()
    return tensors.values.reduce(0) { $0 + (seen.insert($1.memory).inserted ? $1.byteCount : 0) }
  }
}

/// A state of named tensors, for rules that need nothing more.
public struct MomentState: ParameterState, Equatable {
  /// Any names.
  public static var tensorNames: [String]? { nil }
  /// None.
  public static var numberNames: [String] { [] }

  /// The number of steps taken.
  public var step: Int
  /// The tensors by name.
  public var tensors: [String: Tensor]
  /// None.
  public var numbers: [String: Double] { [:] }

  /// A state before the first step.
  public init(_ tensors: [String: Tensor] = [:]) {
    self.init(step: 0, tensors: tensors, numbers: [:])
  }

  /// A state of these parts.
  public init(step: Int, tensors: [String: Tensor], numbers: [String: Double]) {
    self.step = step
    self.tensors = tensors
  }

  /// A tensor to read or to change in place.
  ///
  /// - Precondition: the state has a tensor of this name.
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
      preconditionFailure("A state has no tensor \"\(name)\"; it has \(tensors.keys.sorted()).")
    }
    return tensor
  }
}

/// The name of what rounding lost, which the references do not have.
package let residualName = "residual"

import Tensors

/// A tensor that an optimizer changes, with its name and its gradient.
///
/// It is a class, because an optimizer and a model share it. It is not `Sendable`: only one task may use it at a time.
public final class Parameter {
  /// The name in checkpoints and error messages, unique within an optimizer.
  public let name: String

  /// The part of a tensor that this parameter is, if several ranks share the tensor; nil for a parameter of its own.
  public let shard: TensorShard?

  /// The current values. A step changes them in place, or changes a copy if another tensor shares their memory.
  public var value: Tensor

  /// The gradient of the loss with respect to ``value``, of the same shape; nil if there is none in this step.
  ///
  /// A step does not change it. Setting it resets ``gradientScale`` to 1.
  public var gradient: Tensor? {
    didSet {
      gradientScale = 1
      gradientNotes = GradientNotes()
    }
  }

  /// The factor that a step multiplies the gradient by as it reads it.
  ///
  /// Because of it, division by an accumulated weight or a loss scale, and clipping by a norm, cost nothing.
  public var gradientScale: Double = 1

  /// A record of what was done with ``gradient`` since it was set.
  var gradientNotes = GradientNotes()

  /// Creates a parameter.
  ///
  /// - Parameters:
  ///   - name: The name, unique within an optimizer.
  ///   - value: The initial values.
  public init(_ name: String, _ value: Tensor) {
    self.name = name
    self.value = value
    shard = nil
  }

  /// Creates a parameter that is a part of a tensor. An optimizer steps it together with the other ranks: see
  /// `Optimizer.share(over:)` in DistributedTraining.
  ///
  /// - Parameters:
  ///   - name: The name of the tensor, the same on every rank.
  ///   - value: The initial values of the part.
  ///   - shard: The place of the part in the tensor.
  /// - Precondition: `value` has the shape of the part.
  public init(_ name: String, _ value: Tensor, shard: TensorShard) {
    guard value.shape == shard.shape else {
      fatalError(
        "The part of \"\(name)\" on rank \(shard.rank) has the shape \(shard.shape), but was given values of shape "
          + "\(value.shape).")
    }
    self.name = name
    self.value = value
    self.shard = shard
  }
}

extension Parameter: CustomStringConvertible {
  /// Name, shape and scalar type.
  public var description: String { "\(name) \(value.shape) \(value.scalarType.rawValue)" }
}

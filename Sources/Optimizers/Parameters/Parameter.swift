import Tensors

/// A tensor that an optimizer changes, with its name and its gradient.
///
/// An optimizer and a model share it, which is why it is a reference. It belongs to one task at a time: it is not
/// `Sendable`.
public final class Parameter {
  /// The name by which checkpoints and error messages know it; unique within an optimizer.
  public let name: String

  /// The current values. A step changes them in place where nobody else holds the tensor, and a copy otherwise.
  public var value: Tensor

  /// The gradient of the loss with respect to ``value``, of the same shape; nil where there is none in this step.
  ///
  /// A step leaves it as it is. Setting it sets ``gradientScale`` to 1.
  public var gradient: Tensor? {
    didSet {
      gradientScale = 1
      gradientNotes = GradientNotes()
    }
  }

  /// What a step multiplies the gradient by as it reads it: the gradient is ``gradient`` × this.
  ///
  /// Division by an accumulated weight or a loss scale, and clipping by a norm, cost nothing this way.
  public var gradientScale: Double = 1

  /// What has been done with ``gradient`` since it was set.
  var gradientNotes = GradientNotes()

  /// A parameter.
  ///
  /// - Parameters:
  ///   - name: A name that is unique within an optimizer.
  ///   - value: The initial values.
  public init(_ name: String, _ value: Tensor) {
    self.name = name
    self.value = value
  }
}

extension Parameter: CustomStringConvertible {
  /// Name, shape and scalar type.
  public var description: String { "\(name) \(value.shape) \(value.scalarType.rawValue)" }
}

import KernelInterface
import Tensors

extension AdamW {
  /// What AdamW remembers of one parameter between steps: two numbers for each of its elements.
  ///
  /// Numbers are Float32, or Float64 for Float64 parameters. Torch's names stand in brackets.
  public struct State: Sendable, Equatable {
    /// t, the number of steps taken [`step`].
    public internal(set) var step: Int

    /// m, the average of gradients [`exp_avg`].
    public internal(set) var firstMoments: Tensor

    /// v, the average of squared gradients [`exp_avg_sq`].
    public internal(set) var secondMoments: Tensor

    /// The largest v so far, with `amsgrad` [`max_exp_avg_sq`].
    public internal(set) var maximum: Tensor?

    /// What rounding lost, of a 16-bit parameter with ``Rounding/compensated``, in the parameter's type [`residual`].
    public internal(set) var residual: Tensor?

    /// The state before the first step of a parameter.
    ///
    /// - Parameters:
    ///   - shape: The parameter's shape.
    ///   - scalarType: The parameter's type.
    ///   - hasMaximum: Whether the largest second moments are kept.
    public init(shape: Shape, scalarType: ScalarType, hasMaximum: Bool) {
      let zeros = { Tensor(zeros: shape, as: scalarType.arithmeticType) }
      self.init(
        step: 0, firstMoments: zeros(), secondMoments: zeros(), maximum: hasMaximum ? zeros() : nil)
    }

    /// A state from elsewhere: a checkpoint, or torch.
    public init(
      step: Int, firstMoments: Tensor, secondMoments: Tensor, maximum: Tensor? = nil, residual: Tensor? = nil
    ) {
      self.step = step
      self.firstMoments = firstMoments
      self.secondMoments = secondMoments
      self.maximum = maximum
      self.residual = residual
    }

    /// Refuses a state that a parameter of this name, shape and type cannot have.
    public func check(parameter: String, shape: Shape, scalarType: ScalarType) throws(OptimizerError) {
      try checkMoments(parameter: parameter, shape: shape, scalarType: scalarType)
    }

    /// Bytes of all moments and the residual.
    public var byteCount: Int { byteCount(of: firstMoments, secondMoments, maximum, residual) }
  }
}

extension AdamW.State: ParameterState {
  var optionalMoments: Tensor? {
    get { maximum }
    set { maximum = newValue }
  }

  func moments(of shape: Shape) -> [(name: String, tensor: Tensor?, expected: Shape?)] {
    [
      ("first moments", firstMoments, shape),
      ("second moments", secondMoments, shape),
      ("maximum", maximum, maximum == nil ? nil : shape),
    ]
  }
}

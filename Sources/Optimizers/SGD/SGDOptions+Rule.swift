import Tensors

extension SGDOptions: ElementwiseRule {
  /// `sgd`.
  public static var name: String { "sgd" }

  /// `momentum_buffer`.
  public static var momentNames: [String] { ["momentum_buffer"] }

  /// The momentum, unless it is 0.
  public var usedMomentNames: [String] { momentum == 0 ? [] : Self.momentNames }

  /// Throws an error for a momentum or a residual that doesn't fit the parameter. The momentum may be missing: it is added
  /// when the option is first set.
  public func check(
    _ state: MomentState, parameter: String, shape: Shape, scalarType: ScalarType
  ) throws(OptimizerError) {
    try checkStep(state.step, of: parameter)
    for (name, tensor) in state.tensors.sorted(by: { $0.key < $1.key }) where name != residualName {
      try checkMoments(
        name, tensor, parameter: parameter, shape: Self.momentNames.contains(name) ? shape : nil,
        type: scalarType.arithmeticType)
    }
    try checkResidual(state.tensors[residualName], parameter: parameter, shape: shape, scalarType: scalarType)
  }

  /// Updates the elements of a block; see ``SGD`` for the equations.
  public func update<Scalar: BinaryFloatingPoint>(_ block: ElementBlock<Scalar>, step: Int) {
    let (p, g) = (block.parameter, block.gradient)
    let (rate, decay, sign): (Scalar, Scalar, Scalar) = (
      Scalar(learningRate), Scalar(weightDecay), maximize ? -1 : 1
    )
    guard let m = block.moments.first else {
      for i in block.indices { p[i] -= rate * (sign * g[i] + decay * p[i]) }
      return
    }
    let μ = Scalar(momentum)
    let weight = block.momentsAreNew ? 1 : Scalar(1 - dampening)
    for i in block.indices {
      let d = sign * g[i] + decay * p[i]
      m[i] = μ * m[i] + weight * d
      p[i] -= rate * (nesterov ? d + μ * m[i] : m[i])
    }
  }
}

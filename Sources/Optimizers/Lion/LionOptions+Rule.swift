extension LionOptions: ElementwiseRule {
  /// `lion`.
  public static var name: String { "lion" }

  /// `exp_avg`.
  public static var momentNames: [String] { ["exp_avg"] }

  /// Updates the elements of a block; see ``Lion`` for the equations.
  public func update<Scalar: BinaryFloatingPoint>(_ block: ElementBlock<Scalar>, step: Int) {
    let (p, m) = (block.parameter, block.moments[0])
    let (rate, shrinkage) = (Scalar(learningRate), Scalar(learningRate * weightDecay))
    let (old1, new1, old2, new2) = (Scalar(beta1), Scalar(1 - beta1), Scalar(beta2), Scalar(1 - beta2))
    for i in block.indices {
      let g = maximize ? -block.gradient[i] : block.gradient[i]
      let direction = old1 * m[i] + new1 * g
      // NaN stays NaN.
      let sign: Scalar = direction > 0 ? 1 : direction < 0 ? -1 : direction
      p[i] = p[i] - shrinkage * p[i] - rate * sign
      m[i] = old2 * m[i] + new2 * g
    }
  }
}

import KernelInterface

/// Linear algebra in pure Swift, written once for both scalar types.
enum LinearAlgebraInSwift<Scalar: ArithmeticScalar> {
  static func scale(_ x: UnsafeMutablePointer<Scalar>, count: Int, by factor: Scalar) {
    var i = 0
    while i + 8 <= count {
      x.store(factor * x.eight(at: i), at: i)
      i += 8
    }
    while i < count {
      x[i] = factor * x[i]
      i += 1
    }
  }

  static func axpy(
    _ factor: Scalar, _ x: UnsafePointer<Scalar>, count: Int, onto y: UnsafeMutablePointer<Scalar>
  ) {
    var i = 0
    while i + 8 <= count {
      y.store(y.eight(at: i) + factor * x.eight(at: i), at: i)
      i += 8
    }
    while i < count {
      y[i] += factor * x[i]
      i += 1
    }
  }

  static func movingAverage(
    _ y: UnsafeMutablePointer<Scalar>, count: Int, decay: Scalar, weight: Scalar, of x: UnsafePointer<Scalar>
  ) {
    var i = 0
    while i + 8 <= count {
      y.store(decay * y.eight(at: i) + weight * x.eight(at: i), at: i)
      i += 8
    }
    while i < count {
      y[i] = decay * y[i] + weight * x[i]
      i += 1
    }
  }
}

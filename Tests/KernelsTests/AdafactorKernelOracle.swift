import KernelInterface

/// Each Adafactor kernel in Double, element by element, from the formula in its doc comment.
///
/// Every term of every sum is positive, so the relative errors of terms bound the relative errors of sums.
struct AdafactorKernelOracle {
  let rows: Int
  let columns: Int
  /// G times its scale, row after row.
  let gradient: [Double]

  init(rows: Int, columns: Int, gradient: [Double], scale: Double) {
    self.rows = rows
    self.columns = columns
    self.gradient = gradient.map { scale * $0 }
  }

  /// Returns g²ᵢⱼ.
  func square(_ row: Int, _ column: Int) -> Double {
    let g = gradient[row * columns + column]
    return g * g
  }

  /// Returns Σⱼ g²ᵢⱼ wⱼ for each row.
  func rowSums(weights: (Int) -> Double = { _ in 1 }) -> [Double] {
    (0..<rows).map { row in
      var sum = 0.0
      for column in 0..<columns { sum += square(row, column) * weights(column) }
      return sum
    }
  }

  /// Returns Σᵢ g²ᵢⱼ wᵢ for each column.
  func columnSums(weights: (Int) -> Double = { _ in 1 }) -> [Double] {
    (0..<columns).map { column in
      var sum = 0.0
      for row in 0..<rows { sum += square(row, column) * weights(row) }
      return sum
    }
  }

  /// Returns β old + (1−β)(sum / n + ε).
  static func moment(_ average: MomentAverage, old: Double, sum: Double) -> Double {
    average.decay * old + average.weight * (sum / Double(average.count) + average.epsilon)
  }

  /// Returns new moments from sums.
  static func moments(_ average: MomentAverage, old: [Double], sums: [Double]) -> [Double] {
    zip(old, sums).map { moment(average, old: $0, sum: $1) }
  }

  /// Returns P − shrinkage·P − M, with M ← beta1·M + (1−beta1)·update, or with the update itself if there is
  /// no momentum, and the sums of the magnitudes of the terms.
  static func change(
    _ parameter: Double, update: Double, shrinkage: Double, momentum: (old: Double, beta1: Double)?
  ) -> (value: Double, moment: Double, magnitude: Double) {
    var (moment, magnitude) = (update, update.magnitude)
    if let (old, beta1) = momentum {
      moment = beta1 * old + (1 - beta1) * update
      magnitude = (beta1 * old).magnitude + ((1 - beta1) * update).magnitude
    }
    let shrunk = shrinkage * parameter
    return (
      parameter - shrunk - moment, moment, parameter.magnitude + shrunk.magnitude + magnitude
    )
  }
}

/// Bounds on the kernels' relative errors, in units of the arithmetic type's roundoff.
enum AdafactorKernelBound {
  /// Returns the bound of a sum of `count` squares. A term is rounded at most as often as a sum in the
  /// arithmetic type has terms (`KernelLimits`), plus its own roundings: conversion and scale twice each, the
  /// square, a weight, and the product with the weight.
  static func sum(_ count: Int) -> Double { Double(min(count, KernelLimits.elementsPerSum) + 7) }

  /// Returns the bound of a moment from a sum of `count` squares, with four more roundings for the average
  /// and its coefficients.
  static func moment(_ count: Int) -> Double { sum(count) + 4 }
}

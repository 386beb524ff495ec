import Optimizers
import Tensors

/// Adafactor on one tensor in Double, written only from the documentation of the reference: it forms the update U,
/// computes its root mean square, clips it, and applies it. It is simple, slow, and independent of the library's code.
struct AdafactorOracle {
  var options: Adafactor.Options
  /// P.
  var parameter: [Double]
  /// t.
  var step = 0
  /// R of every trailing matrix in sequence; empty if the tensor is not factored.
  var rowMoments: [Double] = []
  /// C of every trailing matrix.
  var columnMoments: [Double] = []
  /// V; empty if the tensor is factored.
  var secondMoments: [Double] = []
  /// M.
  var firstMoments: [Double]
  /// α of the last step.
  private(set) var stepSize = 0.0
  /// RMS(U) of the last step, before clipping.
  private(set) var updateRootMeanSquare = 0.0

  private let matrices: Int
  private let rows: Int
  private let columns: Int
  private let isFactored: Bool

  init(_ parameter: [Double], shape: [Int], options: Adafactor.Options) {
    self.options = options
    self.parameter = parameter
    firstMoments = [Double](repeating: 0, count: parameter.count)
    isFactored = shape.count >= 2
    columns = shape.last ?? 1
    rows = isFactored ? shape[shape.count - 2] : 1
    matrices = shape.dropLast(2).reduce(1, *)
    if isFactored {
      rowMoments = [Double](repeating: 0, count: matrices * rows)
      columnMoments = [Double](repeating: 0, count: matrices * columns)
    } else {
      secondMoments = [Double](repeating: 0, count: columns)
    }
  }

  /// Takes one step with this gradient.
  mutating func step(_ gradient: [Double]) {
    step += 1
    let rate: Double
    switch options.learningRate {
    case .constant(let value): rate = value
    case .relative(let warmup): rate = min(warmup ? 1e-6 * Double(step) : 1e-2, 1 / Double(step).squareRoot())
    }
    let rms = rootMeanSquare(parameter)
    // Like Python's max(ε₂, RMS): ε₂ if RMS is NaN.
    let scale = rms > options.parameterScaleEpsilon ? rms : options.parameterScaleEpsilon
    stepSize = rate * (options.scaleParameter ? scale : 1)

    let share = power(Double(step), options.decayRate)
    var update = isFactored ? factoredUpdate(gradient, share) : elementUpdate(gradient, share)
    updateRootMeanSquare = rootMeanSquare(update)
    let ratio = updateRootMeanSquare / options.clipThreshold
    let factor = stepSize / (ratio > 1 || ratio.isNaN ? ratio : 1)
    for index in update.indices { update[index] *= factor }
    if let beta1 = options.beta1 {
      for index in update.indices {
        firstMoments[index] = beta1 * firstMoments[index] + (1 - beta1) * update[index]
        update[index] = firstMoments[index]
      }
    }
    let decay = options.weightDecay * stepSize
    for index in update.indices {
      parameter[index] = parameter[index] - decay * parameter[index] - update[index]
    }
  }

  private mutating func elementUpdate(_ gradient: [Double], _ share: Double) -> [Double] {
    var update = gradient
    for index in update.indices {
      let square = gradient[index] * gradient[index] + options.squaredGradientEpsilon
      secondMoments[index] = (1 - share) * secondMoments[index] + share * square
      update[index] = gradient[index] / secondMoments[index].squareRoot()
    }
    return update
  }

  private mutating func factoredUpdate(_ gradient: [Double], _ share: Double) -> [Double] {
    var update = gradient
    for matrix in 0..<matrices {
      let first = matrix * rows * columns
      var rowSquares = [Double](repeating: 0, count: rows)
      var columnSquares = [Double](repeating: 0, count: columns)
      for row in 0..<rows {
        for column in 0..<columns {
          let g = gradient[first + row * columns + column]
          let square = g * g + options.squaredGradientEpsilon
          rowSquares[row] += square
          columnSquares[column] += square
        }
      }
      var sum = 0.0
      for row in 0..<rows {
        let old = rowMoments[matrix * rows + row]
        rowMoments[matrix * rows + row] = (1 - share) * old + share * rowSquares[row] / Double(columns)
        sum += rowMoments[matrix * rows + row]
      }
      for column in 0..<columns {
        let old = columnMoments[matrix * columns + column]
        columnMoments[matrix * columns + column] =
          (1 - share) * old + share * columnSquares[column] / Double(rows)
      }
      let mean = sum / Double(rows)
      for row in 0..<rows {
        let byRow = (rowMoments[matrix * rows + row] / mean).squareRoot()
        for column in 0..<columns {
          let byColumn = columnMoments[matrix * columns + column].squareRoot()
          update[first + row * columns + column] /= byRow * byColumn
        }
      }
    }
    return update
  }

  /// Returns √(Σ x² / n), summed with compensation, so that it is accurate for any length.
  private func rootMeanSquare(_ values: [Double]) -> Double {
    var (sum, lost) = (0.0, 0.0)
    for value in values {
      let term = value * value - lost
      let next = sum + term
      lost = (next - sum) - term
      sum = next
    }
    return (sum / Double(values.count)).squareRoot()
  }
}

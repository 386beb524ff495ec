import Optimizers

/// Muon with the Newton–Schulz iteration for one set of three coefficients, in Double and plain loops. It never transposes X.
struct MuonOracle {
  let (rows, columns): (Int, Int)
  var parameter: [Double]
  var buffer: [Double]

  init(_ parameter: [Double], rows: Int, columns: Int) {
    (self.rows, self.columns) = (rows, columns)
    self.parameter = parameter
    buffer = parameter.map { _ in 0 }
  }

  mutating func take(
    _ gradient: [Double], _ options: Muon.Options, _ coefficients: (a: Double, b: Double, c: Double),
    steps: Int, epsilon: Double
  ) {
    var x = gradient
    for i in gradient.indices {
      buffer[i] += (1 - options.momentum) * (gradient[i] - buffer[i])
      x[i] = options.nesterov ? gradient[i] + options.momentum * (buffer[i] - gradient[i]) : buffer[i]
    }
    let size = max(norm(x), epsilon)
    for i in x.indices { x[i] /= size }
    for _ in 0..<steps { x = next(x, coefficients) }
    let (high, wide) = (Double(rows), Double(columns))
    let factor =
      switch options.adjustment {
      case .original: high > wide ? (high / wide).squareRoot() : 1
      case .matchRMSAdamW: 0.2 * (high > wide ? high : wide).squareRoot()
      case .spectralUnclamped: (high / wide).squareRoot()
      }
    for i in x.indices {
      parameter[i] -= options.learningRate * options.weightDecay * parameter[i]
      parameter[i] -= options.learningRate * factor * x[i]
    }
  }

  /// Returns aX + b(XXᵀ)X + c(XXᵀ)²X.
  private func next(_ x: [Double], _ coefficients: (a: Double, b: Double, c: Double)) -> [Double] {
    var gram = [Double](repeating: 0, count: rows * rows)
    for i in 0..<rows {
      for j in 0..<rows {
        for k in 0..<columns { gram[i * rows + j] += x[i * columns + k] * x[j * columns + k] }
      }
    }
    func applied(to y: [Double]) -> [Double] {
      var product = [Double](repeating: 0, count: y.count)
      for i in 0..<rows {
        for j in 0..<rows {
          for k in 0..<columns { product[i * columns + k] += gram[i * rows + j] * y[j * columns + k] }
        }
      }
      return product
    }
    let cubed = applied(to: x)
    let fifth = applied(to: cubed)
    return x.indices.map { coefficients.a * x[$0] + coefficients.b * cubed[$0] + coefficients.c * fifth[$0] }
  }
}

/// Returns the Frobenius norm.
func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }

/// Returns the Frobenius norm of a difference.
func distance(_ x: [Double], _ y: [Double]) -> Double { norm(zip(x, y).map { $0 - $1 }) }

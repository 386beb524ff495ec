import RealModule
import Tensors

/// The specification of Adafactor: the update as the paper and transformers define it, in plain loops in Double.
///
/// It is the rule's update on tensors. The engine takes the same step in three phases over blocks (`Step`), 30 to 300 times
/// as fast. Both are tested against the same trajectories of the reference.
extension AdafactorOptions {
  /// Takes one step of one parameter; see ``Adafactor`` for the equations.
  public func update(_ parameter: inout Tensor, gradient: Tensor, state: inout AdafactorState) {
    let (shape, type) = (parameter.shape, parameter.scalarType)
    var p = parameter.scalars(as: Double.self)
    let g = gradient.scalars(as: Double.self)
    let t = Double(state.step)
    let weight = Double.pow(t, decayRate)  // 1 − β
    let β = 1 - weight

    func average(_ old: Double, _ squares: Double, over count: Int) -> Double {
      β * old + weight * (squares / Double(count) + squaredGradientEpsilon)
    }

    var u = [Double](repeating: 0, count: p.count)
    if shape.rank < 2 {
      var v = state.secondMoments!.scalars(as: Double.self)
      for i in g.indices {
        v[i] = average(v[i], g[i] * g[i], over: 1)
        u[i] = g[i] / v[i].squareRoot()
      }
      state.secondMoments = Tensor(v, like: state.secondMoments!)
    } else {
      let (n, m) = (shape.rows, shape.columns)
      var r = state.rowMoments!.scalars(as: Double.self)
      var c = state.columnMoments!.scalars(as: Double.self)
      for matrix in 0..<(p.isEmpty ? 0 : shape.batchCount) {
        let (start, row, column) = (matrix * n * m, matrix * n, matrix * m)
        for i in 0..<n {
          let squares = (0..<m).reduce(0) { $0 + g[start + i * m + $1] * g[start + i * m + $1] }
          r[row + i] = average(r[row + i], squares, over: m)
        }
        for j in 0..<m {
          let squares = (0..<n).reduce(0) { $0 + g[start + $1 * m + j] * g[start + $1 * m + j] }
          c[column + j] = average(c[column + j], squares, over: n)
        }
        let meanR = r[row..<row + n].reduce(0, +) / Double(n)
        for i in 0..<n {
          for j in 0..<m {
            let k = start + i * m + j
            u[k] = (meanR / r[row + i]).squareRoot() * (g[k] / c[column + j].squareRoot())
          }
        }
      }
      state.rowMoments = Tensor(r, like: state.rowMoments!)
      state.columnMoments = Tensor(c, like: state.columnMoments!)
    }

    func rootMeanSquare(_ x: [Double]) -> Double {
      (x.reduce(0) { $0 + $1 * $1 } / Double(max(1, x.count))).squareRoot()
    }
    let rmsP = scaleParameter ? rootMeanSquare(p) : nil
    // As in the reference, a NaN in the parameter gives ε₂.
    let scale = rmsP.map { $0 > parameterScaleEpsilon ? $0 : parameterScaleEpsilon } ?? 1
    let α = learningRate.rate(at: state.step) * scale
    let excess = rootMeanSquare(u) / clipThreshold
    let clip = excess <= 1 ? 1 : excess  // NaN stays NaN
    for k in u.indices { u[k] *= α / clip }
    if let beta1 {
      let old = state.firstMoments ?? Tensor(zeros: shape, as: type.arithmeticType)
      let M = old.scalars(as: Double.self)
      for k in u.indices { u[k] = beta1 * M[k] + (1 - beta1) * u[k] }
      state.firstMoments = Tensor(u, like: old)
    }
    for k in p.indices { p[k] = p[k] - weightDecay * α * p[k] - u[k] }
    parameter = Tensor(p, like: parameter)
    state.rootMeanSquare = rmsP
  }
}

extension Tensor {
  /// Creates a tensor of these values, rounded to nearest, in the shape and type of another tensor.
  init(_ values: [Double], like other: Tensor) {
    self = Tensor(scalars: values, shape: other.shape).converted(to: other.scalarType)
  }
}

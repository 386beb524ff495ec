import KernelInterface
import Tensors

extension CAMEOptions: RoundedRule {
  /// `came`.
  public static var name: String { "came" }

  /// Returns zeros under the names of the reference.
  public func initialState(shape: Shape, scalarType: ScalarType) -> MomentState {
    var tensors = ["exp_avg": Tensor(zeros: shape, as: scalarType)]
    let dimensions = shape.dimensions
    if dimensions.count < 2 {
      tensors["exp_avg_sq"] = Tensor(zeros: shape, as: scalarType)
    } else {
      for name in ["exp_avg_sq", "exp_avg_res"] {
        tensors[name + "_row"] = Tensor(zeros: Shape(Array(dimensions.dropLast())), as: scalarType)
        tensors[name + "_col"] = Tensor(
          zeros: Shape(Array(dimensions.dropLast(2)) + dimensions.suffix(1)), as: scalarType)
      }
    }
    return MomentState(tensors)
  }

  /// Takes one step of one parameter; see ``CAME`` for the equations.
  public func update(_ parameter: inout Tensor, gradient: Tensor, state: inout MomentState) {
    parameter.scalarType == .float64
      ? update(&parameter, gradient, &state, Double.self) : update(&parameter, gradient, &state, Float.self)
  }

  private func update<Scalar: ArithmeticScalar>(
    _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout MomentState, _: Scalar.Type
  ) {
    func elements(_ name: String) -> UnsafeMutablePointer<Scalar> {
      state[name].mutableElements().address.assumingMemoryBound(to: Scalar.self)
    }
    let (shape, m) = (parameter.shape.dimensions, elements("exp_avg"))
    let (ε1, ε2) = (Scalar(squaredGradientEpsilon), Scalar(residualEpsilon))
    let (old1, new1) = (Scalar(beta1), Scalar(1 - beta1))
    let (rate, shrinkage) = (Scalar(learningRate), Scalar(learningRate * weightDecay))
    parameter.withMutableElements(of: Scalar.self) { p in
      guard !p.isEmpty else { return }
      gradient.withElements(of: Scalar.self) { g in
        withUnsafeTemporaryAllocation(of: Scalar.self, capacity: p.count) { u in
          var squares = 0.0
          if shape.count < 2 {
            let (v, old2, new2) = (elements("exp_avg_sq"), Scalar(beta2), Scalar(1 - beta2))
            for i in p.indices {
              v[i] = old2 * v[i] + new2 * (g[i] * g[i] + ε1)
              u[i] = g[i] / v[i].squareRoot()
              squares += Double(u[i] * u[i])
            }
          } else {
            average(elements("exp_avg_sq_row"), elements("exp_avg_sq_col"), of: shape, decay: beta2) { i in
              g[i] * g[i] + ε1
            } use: { i, factor in
              u[i] = factor * g[i]
              squares += Double(u[i] * u[i])
            }
          }
          let excess = (squares / Double(p.count)).squareRoot() / clipThreshold
          // A NaN reaches all elements, as in the reference.
          let clip = Scalar(excess < 1 ? 1 : excess)
          for i in p.indices {
            u[i] /= clip
            m[i] = old1 * m[i] + new1 * u[i]
          }
          if shape.count < 2 {
            for i in p.indices { p[i] = p[i] - shrinkage * p[i] - rate * m[i] }
          } else {
            average(elements("exp_avg_res_row"), elements("exp_avg_res_col"), of: shape, decay: beta3) { i in
              (u[i] - m[i]) * (u[i] - m[i]) + ε2
            } use: { i, factor in
              p[i] = p[i] - shrinkage * p[i] - rate * (factor * m[i])
            }
          }
        }
      }
    }
  }

  /// Averages the means of rows and columns of `square` in each matrix, then passes 1/√(R Cᵀ / mean(R)) of each element to
  /// `use`.
  ///
  /// Sums are in Double: in Float, the sum of a long row would lose digits.
  @inline(__always)
  private func average<Scalar: ArithmeticScalar>(
    _ rows: UnsafeMutablePointer<Scalar>, _ columns: UnsafeMutablePointer<Scalar>, of shape: [Int],
    decay: Double, _ square: (Int) -> Scalar, use: (Int, Scalar) -> Void
  ) {
    let (n, k) = (shape[shape.count - 2], shape[shape.count - 1])
    let (old, new) = (Scalar(decay), Scalar(1 - decay))
    for matrix in 0..<shape.dropLast(2).reduce(1, *) {
      let (R, C, first) = (rows + matrix * n, columns + matrix * k, matrix * n * k)
      withUnsafeTemporaryAllocation(of: Double.self, capacity: k) { sums in
        sums.initialize(repeating: 0)
        for i in 0..<n {
          var sum = 0.0
          for j in 0..<k {
            let square = Double(square(first + i * k + j))
            sum += square
            sums[j] += square
          }
          R[i] = old * R[i] + new * Scalar(sum / Double(k))
        }
        for j in 0..<k { C[j] = old * C[j] + new * Scalar(sums[j] / Double(n)) }
      }
      let mean = Scalar((0..<n).reduce(0.0) { $0 + Double(R[$1]) } / Double(n))
      withUnsafeTemporaryAllocation(of: Scalar.self, capacity: k) { factors in
        for j in 0..<k { factors[j] = 1 / C[j].squareRoot() }
        for i in 0..<n {
          let factor = 1 / (R[i] / mean).squareRoot()
          for j in 0..<k { use(first + i * k + j, factor * factors[j]) }
        }
      }
    }
  }
}

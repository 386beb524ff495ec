import Foundation
import Optimizers
import Tensors

/// The bases of SOAP in plain loops in Double, for any number of axes.
struct EigenbasisOracle {
  let dimensions: [Int]
  /// A_k and Q_k, row by row; nil for an axis without a preconditioner.
  var preconditioners: [[Double]?]
  var bases: [[Double]?]

  /// Creates the bases of the first gradient.
  init(_ gradient: [Double], _ dimensions: [Int], axes: [Int], decay: Double) {
    self.dimensions = dimensions
    preconditioners = dimensions.indices.map {
      axes.contains($0) ? [Double](repeating: 0, count: dimensions[$0] * dimensions[$0]) : nil
    }
    bases = preconditioners
    average(gradient, old: 0, new: 1 - decay)
    for axis in axes { bases[axis] = eigenvectors(preconditioners[axis]!, dimensions[axis]) }
  }

  /// Creates given bases.
  init(_ dimensions: [Int], preconditioners: [[Double]?], bases: [[Double]?]) {
    self.dimensions = dimensions
    self.preconditioners = preconditioners
    self.bases = bases
  }

  /// Returns the number of elements from one slice of an axis to the next.
  private func stride(_ axis: Int) -> Int { dimensions[(axis + 1)...].reduce(1, *) }

  /// Returns the index of an element along an axis.
  private func index(_ element: Int, _ axis: Int) -> Int { element / stride(axis) % dimensions[axis] }

  /// Multiplies by Qᵀ along every axis, or by Q.
  func rotate(_ x: [Double], back: Bool = false) -> [Double] {
    var x = x
    for axis in dimensions.indices {
      guard let q = bases[axis] else { continue }
      let (n, s) = (dimensions[axis], stride(axis))
      x = x.indices.map { element in
        let i = index(element, axis)
        return (0..<n).reduce(0) { sum, k in
          sum + (back ? q[i * n + k] : q[k * n + i]) * x[element + (k - i) * s]
        }
      }
    }
    return x
  }

  /// Sets A_k ← old · A_k + new · G₍ₖ₎ G₍ₖ₎ᵀ.
  mutating func average(_ g: [Double], old: Double, new: Double) {
    for axis in dimensions.indices where preconditioners[axis] != nil {
      let (n, s) = (dimensions[axis], stride(axis))
      for k in preconditioners[axis]!.indices { preconditioners[axis]![k] *= old }
      for element in g.indices {
        let i = index(element, axis)
        for k in 0..<n {
          preconditioners[axis]![i * n + k] += new * g[element] * g[element + (k - i) * s]
        }
      }
    }
  }

  /// Takes one power iteration of an axis, and returns the order of the columns.
  mutating func refresh(_ axis: Int) -> [Int] {
    let n = dimensions[axis]
    let (a, q) = (preconditioners[axis]!, bases[axis]!)
    var product = q
    for i in 0..<n {
      for j in 0..<n { product[i * n + j] = (0..<n).reduce(0) { $0 + a[i * n + $1] * q[$1 * n + j] } }
    }
    let quotients = (0..<n).map { j in (0..<n).reduce(0) { $0 + q[$1 * n + j] * product[$1 * n + j] } }
    let order = (0..<n).sorted { quotients[$0] > quotients[$1] }
    bases[axis] = orthonormal((0..<n * n).map { product[$0 / n * n + order[$0 % n]] }, n)
    return order
  }

  /// Returns moments with the slices of an axis in another order.
  func permuted(_ x: [Double], _ order: [Int], axis: Int) -> [Double] {
    x.indices.map { x[$0 + (order[index($0, axis)] - index($0, axis)) * stride(axis)] }
  }
}

/// SOAP of one parameter in plain loops in Double.
struct SOAPOracle {
  let options: SOAPOptions
  let dimensions: [Int]
  var p: [Double]
  var m: [Double]
  var v: [Double]
  var basis: EigenbasisOracle?
  var step = 0

  init(_ options: SOAPOptions, _ dimensions: [Int], _ parameter: [Double]) {
    (self.options, self.dimensions, p) = (options, dimensions, parameter)
    m = p.map { _ in 0 }
    v = m
  }

  mutating func take(_ g: [Double]) {
    let shampooBeta = options.shampooBeta ?? options.beta2
    guard var basis else {
      let axes = dimensions.indices.filter {
        dimensions[$0] <= options.maxPrecondDim && (dimensions.count > 1 || options.precondition1D)
      }
      basis = EigenbasisOracle(g, dimensions, axes: axes, decay: shampooBeta)
      return
    }
    step += 1
    let rotated = basis.rotate(g)
    for k in p.indices {
      m[k] = options.beta1 * m[k] + (1 - options.beta1) * rotated[k]
      v[k] = options.beta2 * v[k] + (1 - options.beta2) * rotated[k] * rotated[k]
    }
    var u = basis.rotate(zip(m, v).map { $0 / ($1.squareRoot() + options.epsilon) }, back: true)
    if options.normalizesUpdates {
      let rms = (u.reduce(0) { $0 + $1 * $1 } / Double(u.count)).squareRoot()
      u = u.map { $0 / (1e-30 + rms) }
    }
    let corrections =
      options.biasCorrection
      ? (1 - pow(options.beta2, Double(step))).squareRoot() / (1 - pow(options.beta1, Double(step))) : 1
    for k in p.indices {
      p[k] -= options.learningRate * corrections * u[k]
      p[k] -= options.learningRate * options.weightDecay * p[k]
    }
    let original = basis.rotate(m, back: true)
    basis.average(g, old: shampooBeta, new: 1 - shampooBeta)
    if step % options.preconditionFrequency == 0 {
      for axis in dimensions.indices where basis.bases[axis] != nil {
        v = basis.permuted(v, basis.refresh(axis), axis: axis)
      }
    }
    m = basis.rotate(original)
    self.basis = basis
  }
}

/// Returns the eigenvectors of a symmetric matrix, as columns by descending eigenvalue, by Jacobi rotations.
func eigenvectors(_ matrix: [Double], _ n: Int) -> [Double] {
  var a = matrix
  var q = [Double](repeating: 0, count: n * n)
  for i in 0..<n { q[i * n + i] = 1 }
  for _ in 0..<30 {
    for i in 0..<n {
      for j in (i + 1)..<max(n, i + 1) where a[i * n + j] != 0 {
        let angle = 0.5 * atan2(2 * a[i * n + j], a[j * n + j] - a[i * n + i])
        let (c, s) = (cos(angle), sin(angle))
        for k in 0..<n {
          (a[k * n + i], a[k * n + j]) = (
            c * a[k * n + i] - s * a[k * n + j], s * a[k * n + i] + c * a[k * n + j]
          )
          (q[k * n + i], q[k * n + j]) = (
            c * q[k * n + i] - s * q[k * n + j], s * q[k * n + i] + c * q[k * n + j]
          )
        }
        for k in 0..<n {
          (a[i * n + k], a[j * n + k]) = (
            c * a[i * n + k] - s * a[j * n + k], s * a[i * n + k] + c * a[j * n + k]
          )
        }
      }
    }
  }
  // Of equal eigenvalues the last is first, as in a reversed ascending order.
  let order = (0..<n).sorted { (a[$0 * n + $0], $0) > (a[$1 * n + $1], $1) }
  return (0..<n * n).map { q[$0 / n * n + order[$0 % n]] }
}

/// Returns the columns made orthonormal, one after another, twice: Gram–Schmidt.
func orthonormal(_ matrix: [Double], _ n: Int) -> [Double] {
  var q = matrix
  for j in 0..<n {
    for _ in 0..<2 {
      for k in 0..<j {
        let product = (0..<n).reduce(0) { $0 + q[$1 * n + k] * q[$1 * n + j] }
        for i in 0..<n { q[i * n + j] -= product * q[i * n + k] }
      }
    }
    let length = (0..<n).reduce(0) { $0 + q[$1 * n + j] * q[$1 * n + j] }.squareRoot()
    for i in 0..<n { q[i * n + j] /= length }
  }
  return q
}

/// Returns normally distributed numbers.
func normals(_ count: Int, _ generator: inout SeededGenerator) -> [Double] {
  Tensor(normal: [count], as: .float64, using: &generator).scalars(as: Double.self)
}

/// Returns the largest difference, relative to the largest magnitude of the second list.
func relativeDistance(_ x: [Double], _ y: [Double]) -> Double {
  let difference = zip(x, y).map { abs($0 - $1) }.reduce(0) { $1 > $0 || $1.isNaN ? $1 : $0 }
  return difference / max(y.map { abs($0) }.max() ?? 0, .leastNormalMagnitude)
}

extension MomentState {
  /// The bases and preconditioners of this state.
  func oracle(_ dimensions: [Int]) -> EigenbasisOracle {
    EigenbasisOracle(
      dimensions,
      preconditioners: dimensions.indices.map { tensors["GG_\($0)"]?.scalars(as: Double.self) },
      bases: dimensions.indices.map { tensors["Q_\($0)"]?.scalars(as: Double.self) })
  }

  /// Returns a state of this step with random moments, full-rank preconditioners, and orthogonal matrices that are not
  /// the eigenvectors of the preconditioners.
  static func random(
    _ dimensions: [Int], axes: [Int], step: Int, secondMoments: [String: Shape],
    using generator: inout SeededGenerator
  ) -> MomentState {
    var tensors = [
      "exp_avg": Tensor(scalars: normals(dimensions.reduce(1, *), &generator), shape: Shape(dimensions))
    ]
    for (name, shape) in secondMoments.sorted(by: { $0.key < $1.key }) {
      tensors[name] = Tensor(
        scalars: normals(shape.elementCount, &generator).map { $0 * $0 + 0.1 }, shape: shape)
    }
    for axis in axes {
      let n = dimensions[axis]
      let factor = normals(2 * n * n, &generator)
      tensors["GG_\(axis)"] = Tensor(
        scalars: (0..<n * n).map { k in
          (0..<2 * n).reduce(0) { $0 + factor[k / n * 2 * n + $1] * factor[k % n * 2 * n + $1] }
        }, shape: [n, n])
      tensors["Q_\(axis)"] = Tensor(scalars: orthonormal(normals(n * n, &generator), n), shape: [n, n])
    }
    return MomentState(step: step, tensors: tensors, numbers: [:])
  }
}

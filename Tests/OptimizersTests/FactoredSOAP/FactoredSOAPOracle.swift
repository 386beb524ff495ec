import Foundation
import Optimizers

/// Factored SOAP of one parameter in plain loops in Double, based on the oracle of SOAP's bases.
struct FactoredSOAPOracle {
  let options: FactoredSOAPOptions
  let dimensions: [Int]
  var p: [Double]
  var m: [Double]
  var secondMoments: [String: [Double]]
  var basis: EigenbasisOracle?
  var step = 0

  init(_ options: FactoredSOAPOptions, _ dimensions: [Int], _ parameter: [Double]) {
    (self.options, self.dimensions, p) = (options, dimensions, parameter)
    m = p.map { _ in 0 }
    secondMoments =
      dimensions.count < 2
      ? ["exp_avg_sq": m]
      : [
        "exp_avg_sq_row": Array(repeating: 0, count: p.count / dimensions.last!),
        "exp_avg_sq_col": Array(repeating: 0, count: p.count / dimensions[dimensions.count - 2]),
      ]
  }

  mutating func take(_ g: [Double]) {
    guard var basis else {
      var axes = dimensions.indices.filter {
        dimensions[$0] <= options.maxPrecondDim && (dimensions.count > 1 || options.precondition1D)
      }
      if options.oneSided, let shortest = axes.map({ dimensions[$0] }).min() {
        axes = [axes.first { dimensions[$0] == shortest }!]
      }
      basis = EigenbasisOracle(g, dimensions, axes: axes, decay: options.shampooBeta)
      return
    }
    step += 1
    let adafactor = options.adafactor
    let (t, rotated) = (Double(step), basis.rotate(g))
    let decay = 1 - pow(t, adafactor.decayRate)
    let squares = rotated.map { $0 * $0 + adafactor.squaredGradientEpsilon }
    let scale = adafactor.scaleParameter ? max(adafactor.parameterScaleEpsilon, rms(p)) : 1
    let stepSize = (adafactor.learningRate.constant ?? min(1e-2, 1 / t.squareRoot())) * scale
    var u = rotated
    if dimensions.count < 2 {
      let v = secondMoments["exp_avg_sq"]!.indices.map {
        decay * secondMoments["exp_avg_sq"]![$0] + (1 - decay) * squares[$0]
      }
      for k in u.indices { u[k] /= v[k].squareRoot() }
      secondMoments["exp_avg_sq"] = v
    } else {
      let (rows, columns) = (dimensions[dimensions.count - 2], dimensions[dimensions.count - 1])
      var r = secondMoments["exp_avg_sq_row"]!.map { decay * $0 }
      var c = secondMoments["exp_avg_sq_col"]!.map { decay * $0 }
      for k in u.indices {
        r[k / columns] += (1 - decay) * squares[k] / Double(columns)
        c[k / columns / rows * columns + k % columns] += (1 - decay) * squares[k] / Double(rows)
      }
      for k in u.indices {
        let first = k / columns / rows * rows
        let mean = r[first..<first + rows].reduce(0, +) / Double(rows)
        u[k] /= (r[k / columns] * c[k / columns / rows * columns + k % columns] / mean).squareRoot()
      }
      (secondMoments["exp_avg_sq_row"], secondMoments["exp_avg_sq_col"]) = (r, c)
    }
    let clip = max(1, rms(u) / adafactor.clipThreshold)
    u = u.map { stepSize * $0 / clip }
    if let beta1 = adafactor.beta1 {
      m = zip(m, u).map { beta1 * $0 + (1 - beta1) * $1 }
      u = m
    }
    let change = basis.rotate(u, back: true)
    for k in p.indices { p[k] -= adafactor.weightDecay * stepSize * p[k] + change[k] }
    let original = basis.rotate(m, back: true)
    basis.average(g, old: options.shampooBeta, new: 1 - options.shampooBeta)
    if step % options.preconditionFrequency == 0 {
      for axis in dimensions.indices where basis.bases[axis] != nil { refresh(axis, &basis) }
    }
    m = basis.rotate(original)
    self.basis = basis
  }

  /// Refreshes an axis, and permutes the moments that include it.
  private mutating func refresh(_ axis: Int, _ basis: inout EigenbasisOracle) {
    let order = basis.refresh(axis)
    let last = dimensions.count - 1
    for name in secondMoments.keys {
      let missing = name == "exp_avg_sq_row" ? last : name == "exp_avg_sq_col" ? last - 1 : nil
      // The moments belong to a tensor that has length 1 along the missing axis.
      var lengths = dimensions
      if let missing { lengths[missing] = 1 }
      if axis == missing { continue }
      let shaped = EigenbasisOracle(lengths, preconditioners: [], bases: [])
      secondMoments[name] = shaped.permuted(secondMoments[name]!, order, axis: axis)
    }
  }

  private func rms(_ x: [Double]) -> Double { (x.reduce(0) { $0 + $1 * $1 } / Double(x.count)).squareRoot() }
}

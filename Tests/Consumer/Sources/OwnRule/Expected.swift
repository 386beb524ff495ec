import Optimizers
import Tensors

/// The expected training of one parameter, in Double, in plain loops over single numbers.
struct Expected {
  var p: [Double]
  var m: [Double]
  var v: [Double]

  init(_ parameter: Parameter) {
    p = parameter.value.scalars(as: Double.self)
    m = p.map { _ in 0 }
    v = m
  }

  mutating func stepLion(_ g: [Double], rate: Double, decay: Double, beta1: Double, beta2: Double) {
    for i in p.indices {
      let average = beta1 * m[i] + (1 - beta1) * g[i]
      p[i] -= rate * decay * p[i] + (average > 0 ? rate : average < 0 ? -rate : 0)
      m[i] = beta2 * m[i] + (1 - beta2) * g[i]
    }
  }

  mutating func stepAdamW(_ g: [Double], t: Int, rate: Double, decay: Double) {
    let (c1, c2) = (1 - power(0.9, t), 1 - power(0.999, t))
    for i in p.indices {
      m[i] = 0.9 * m[i] + 0.1 * g[i]
      v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i]
      p[i] -= rate * decay * p[i] + rate * (m[i] / c1) / ((v[i] / c2).squareRoot() + 1e-8)
    }
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { product, _ in product * base }
  }
}

/// Stops the program if values differ from the expected ones by more than the rounding of `steps` steps in Float32.
func require(_ values: Tensor, near expected: [Double], steps: Int, _ message: String) {
  for (value, expected) in zip(values.scalars(as: Double.self), expected) {
    let tolerance = Double(8 * steps) * 0x1p-24 * max(1, expected.magnitude)
    // A NaN fails too.
    precondition((value - expected).magnitude <= tolerance, "\(message): \(value), not \(expected)")
  }
}

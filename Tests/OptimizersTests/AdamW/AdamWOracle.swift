import Optimizers
import TestSupport

/// AdamW in Double, as one plain loop in the form of its documentation.
struct AdamWOracle {
  var parameter: [Double]
  var first: [Double]
  var second: [Double]
  var maximum: [Double]
  var step = 0

  init(_ parameter: [Double]) {
    self.parameter = parameter
    first = Array(repeating: 0, count: parameter.count)
    second = first
    maximum = first
  }

  mutating func take(_ gradient: [Double], _ options: AdamW.Options) {
    step += 1
    let (beta1, beta2) = (options.beta1, options.beta2)
    let corrections =
      options.biasCorrection ? (1 - power(beta1, Double(step)), 1 - power(beta2, Double(step))) : (1, 1)
    for index in parameter.indices {
      let g = options.maximize ? -gradient[index] : gradient[index]
      first[index] = beta1 * first[index] + (1 - beta1) * g
      second[index] = beta2 * second[index] + (1 - beta2) * g * g
      maximum[index] = max(maximum[index], second[index])
      let m = first[index] / corrections.0
      let v = (options.amsgrad ? maximum[index] : second[index]) / corrections.1
      parameter[index] -= options.learningRate * options.weightDecay * parameter[index]
      parameter[index] -= options.learningRate * m / (v.squareRoot() + options.epsilon)
    }
  }

  /// Returns a description of where a parameter or its state is too far from this oracle, or nil if they agree.
  ///
  /// Displacements agree to 5·10⁻⁶ of the largest and one unit in the last place of the largest parameter per step, v to
  /// 10⁻⁶ of each element, and m to 10⁻⁶ of the largest, because gradients of both signs cancel in it.
  func difference(from ours: Parameter, initial: [Double], state: AdamW.State) -> String? {
    let largest = zip(parameter, initial).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
    let magnitude = (parameter + initial).reduce(0) { max($0, $1.magnitude) }
    let unit = ours.value.scalarType == .float64 ? magnitude.ulp : Double(Float(magnitude).ulp)
    let bound = 5e-6 * largest + Double(step) * unit
    if state.step != step { return "step is \(state.step), not \(step)" }
    if let text = disagreement(ours.value.doubles, parameter, bound: { _ in bound }) {
      return "parameter \(text)"
    }
    if let text = disagreement(state.secondMoments.doubles, second, bound: { 1e-6 * $0 }) {
      return "v\(text)"
    }
    if let text = state.maximum.flatMap({ disagreement($0.doubles, maximum, bound: { 1e-6 * $0 }) }) {
      return "maximum\(text)"
    }
    let firstBound = 1e-6 * first.reduce(0) { max($0, $1.magnitude) }
    return disagreement(state.firstMoments.doubles, first, bound: { _ in firstBound }).map { "m\($0)" }
  }
}

/// All bits of a parameter and its AdamW state.
struct AdamWBits: Equatable {
  let step: Int?
  let arrays: [Bits?]

  init(_ parameter: Parameter, _ optimizer: AdamW) {
    let state = optimizer.state(of: parameter)
    step = state?.step
    arrays = [parameter.value, state?.firstMoments, state?.secondMoments, state?.maximum].map { $0?.bits }
  }
}

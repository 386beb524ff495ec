import Optimizers
import Tensors
import TestSupport
import Testing

/// Whole training runs on every backend, with gradients that depend on the current parameters.
@Suite struct AdafactorBackendsTests {
  /// Least squares with a hidden layer, by hand and in Double: y = W₂ tanh(W₁ x + b₁) + b₂.
  private struct Regression {
    static let (inputs, hidden, outputs, examples) = (6, 20, 3, 40)
    let x: [[Double]]
    let y: [[Double]]
    let parameters: [Parameter]

    init() {
      var numbers = TestNumbers(seed: 1)
      func row(_ count: Int) -> [Double] { (0..<count).map { _ in Double(numbers.next()) } }
      x = (0..<Self.examples).map { _ in row(Self.inputs) }
      y = x.map { x in [x[0] * x[1], x[2] - x[3], 0.5 * x[4] + x[5] * x[0]] }
      parameters = [
        Parameter(
          "w1", Tensor(row(Self.hidden * Self.inputs), shape: [Self.hidden, Self.inputs], as: .float32)),
        Parameter("b1", Tensor(zeros: [Self.hidden])),
        Parameter(
          "w2", Tensor(row(Self.outputs * Self.hidden), shape: [Self.outputs, Self.hidden], as: .float32)),
        Parameter("b2", Tensor(zeros: [Self.outputs])),
      ]
    }

    /// Sets the gradients at the parameters' values, and returns the loss.
    func backward() -> Double {
      let values = parameters.map { $0.value.doubles }
      var gradients = values.map { [Double](repeating: 0, count: $0.count) }
      var loss = 0.0
      for (x, y) in zip(x, y) {
        let h = (0..<Self.hidden).map { i in
          tangent((0..<Self.inputs).reduce(values[1][i]) { $0 + values[0][i * Self.inputs + $1] * x[$1] })
        }
        var back = [Double](repeating: 0, count: Self.hidden)
        for k in 0..<Self.outputs {
          let found = (0..<Self.hidden).reduce(values[3][k]) { $0 + values[2][k * Self.hidden + $1] * h[$1] }
          let error = (found - y[k]) / Double(Self.examples)
          loss += error * (found - y[k]) / 2
          gradients[3][k] += error
          for i in 0..<Self.hidden {
            gradients[2][k * Self.hidden + i] += error * h[i]
            back[i] += error * values[2][k * Self.hidden + i]
          }
        }
        for i in 0..<Self.hidden {
          let error = back[i] * (1 - h[i] * h[i])
          gradients[1][i] += error
          for j in 0..<Self.inputs { gradients[0][i * Self.inputs + j] += error * x[j] }
        }
      }
      for (parameter, gradient) in zip(parameters, gradients) {
        parameter.gradient = Tensor(gradient, shape: parameter.value.shape, as: .float32)
      }
      return loss
    }
  }

  /// The losses before each of 200 steps, and the final parameters.
  private typealias Outcome = (losses: [Double], values: [Double])

  private func train(_ backend: Backend, _ options: Adafactor.Options) throws -> Outcome {
    let problem = Regression()
    let optimizer = try Adafactor(problem.parameters, options: options, backend: backend)
    var losses: [Double] = []
    for _ in 0..<200 { losses.append(try optimizer.step { problem.backward() }) }
    return (losses, problem.parameters.flatMap { $0.value.doubles })
  }

  /// Returns the same run by the rule in Double, with the parameters in `storage` between steps.
  private func trainByRule(_ options: Adafactor.Options, storage: ScalarType) -> Outcome {
    let problem = Regression()
    var oracles = problem.parameters.map { AdafactorOracle($0, options: options) }
    var losses: [Double] = []
    for _ in 0..<200 {
      losses.append(problem.backward())
      for (index, parameter) in problem.parameters.enumerated() {
        oracles[index].step(parameter.gradient!.doubles)
        parameter.value = Tensor(oracles[index].parameter, shape: parameter.value.shape, as: storage)
        oracles[index].parameter = parameter.value.doubles
      }
    }
    return (losses, oracles.flatMap(\.parameter))
  }

  private func distance(_ left: [Double], _ right: [Double]) -> Double {
    zip(left, right).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
  }

  /// A run is as sensitive to rounding as its problem. The effect of only keeping the parameters in Float on a run in
  /// Double measures that. The kernels' own roundings are a few units of the update, and small compared with it.
  @Test(arguments: [
    Adafactor.Options(learningRate: .constant(3e-3), scaleParameter: false),
    Adafactor.Options(learningRate: .constant(3e-3), beta1: 0.9, weightDecay: 0.01, scaleParameter: true),
    Adafactor.Options(),
  ])
  func `Training runs on all backends end where the rule in Double does`(options: Adafactor.Options) throws {
    let exact = trainByRule(options, storage: .float64)
    let rounded = trainByRule(options, storage: .float32)
    #expect(exact.losses[199] < 0.5 * exact.losses[0], "the problem must be one that is learned")
    let valueBound = 4 * distance(rounded.values, exact.values)
    let lossBound = 4 * distance(rounded.losses, exact.losses)
    let size = distance(exact.values, exact.values.map { _ in 0 })
    #expect(valueBound < 1e-2 * size, "a problem so sensitive would show nothing")
    for backend in Backend.available {
      let run = try train(backend, options)
      let found = (distance(run.values, exact.values), distance(run.losses, exact.losses))
      #expect(found.0 <= valueBound && found.1 <= lossBound, "\(backend): \(found)")
    }
  }
}

import Optimizers
import Tensors

/// The number of steps in each training run.
let steps = 20

/// Matrices and vectors, with values and gradients that are the same in every run.
struct Model {
  let matrices: [Parameter]
  let vectors: [Parameter]
  var parameters: [Parameter] { matrices + vectors }
  private var generator = SeededGenerator(seed: 9)

  init() {
    var generator = SeededGenerator(seed: 5)
    func parameter(_ name: String, _ shape: Shape) -> Parameter {
      Parameter(name, Tensor(normal: shape, using: &generator))
    }
    matrices = [parameter("first.weight", [6, 5]), parameter("second.weight", [5, 3])]
    vectors = [parameter("first.bias", [5]), parameter("second.bias", [3])]
  }

  /// Sets new gradients, and returns their numbers.
  mutating func setGradients(scale: Double = 1) -> [[Double]] {
    parameters.map { parameter in
      let gradient = Tensor(normal: parameter.value.shape, using: &generator)
      parameter.gradient = gradient * scale
      return gradient.scalars(as: Double.self)
    }
  }

  /// Sets gradients of ones, one of which has a NaN.
  func setGradients(withNaNIn parameter: Parameter) {
    for parameter in parameters { parameter.gradient = Tensor(ones: parameter.value.shape) }
    parameter.gradient![0] = .nan
  }
}

/// Returns an optimizer of a model with two groups: matrices decay, and vectors have another learning rate and other
/// averages.
func lion<Rule: LionOptions>(
  _ model: Model, _: Rule.Type, policy: NonFinitePolicy = .propagate
) throws -> RuleOptimizer<Rule> {
  var (matrices, vectors) = (Rule(), Rule())
  (matrices.learningRate, matrices.weightDecay) = (1e-2, 0.1)
  (vectors.learningRate, vectors.beta1, vectors.beta2) = (3e-2, 0.8, 0.95)
  return try RuleOptimizer(
    groups: [
      ParameterGroup(model.matrices, options: matrices), ParameterGroup(model.vectors, options: vectors),
    ], nonFinitePolicy: policy)
}

import Backends
import Tensors
import _StringProcessing

extension MultiOptimizer {
  /// Creates an optimizer of two groups: hidden matrices, and all other parameters.
  ///
  ///     let optimizer = try MultiOptimizer(
  ///       model.parameters, hiddenMatrices: Muon.Options(learningRate: 0.02),
  ///       rest: AdamW.Options(learningRate: 3e-4),
  ///       excluding: ["embed", "lm_head"])
  ///
  /// A hidden matrix has two axes and a name that doesn't match any pattern in `excluding`. Embeddings and output layers
  /// have two axes too, so exclude them by name. Both groups keep the order of `parameters`.
  ///
  /// - Parameters:
  ///   - parameters: The parameters, each listed once and with a unique name.
  ///   - hiddenMatrices: The options of group 0, the hidden matrices: options of ``Muon`` or of another rule.
  ///   - rest: The options of group 1, all other parameters.
  ///   - patterns: Case-sensitive regular expressions that may match anywhere in a name. Each must match at least one name.
  ///   - nonFinitePolicy: The policy for parameters whose gradients are not finite.
  ///   - backend: The backend, one of `Backend.available`; nil for `Backend.default` if a rule
  ///     multiplies matrices, or else `Backend.defaultForOptimizers`.
  ///   - threads: The maximum number of threads of a step; nil for one per processor.
  /// - Throws: `OptimizerError.invalidPattern` and `unmatchedPattern`; `noHiddenMatrices`, and `noParameters(group: 1)` if
  ///   all parameters are hidden matrices; and the errors of the other initializer.
  public convenience init(
    _ parameters: [Parameter], hiddenMatrices: some UpdateRule, rest: some UpdateRule,
    excluding patterns: [String], nonFinitePolicy: NonFinitePolicy = .propagate,
    backend: Backend? = nil, threads: Int? = nil
  ) throws(OptimizerError) {
    var excluded = Set<String>()
    for pattern in patterns {
      let expression = try WeightDecayPatterns.expression(pattern)
      let matched = parameters.map(\.name).filter { $0.contains(expression) }
      if matched.isEmpty { throw .unmatchedPattern(pattern) }
      excluded.formUnion(matched)
    }
    let isHidden = { (parameter: Parameter) in
      parameter.value.shape.rank == 2 && !excluded.contains(parameter.name)
    }
    let matrices = parameters.filter(isHidden)
    if matrices.isEmpty { throw .noHiddenMatrices(excluding: patterns) }
    try self.init(
      [
        ParameterGroup(matrices, options: hiddenMatrices),
        ParameterGroup(parameters.filter { !isHidden($0) }, options: rest),
      ], nonFinitePolicy: nonFinitePolicy, backend: backend, threads: threads)
  }
}

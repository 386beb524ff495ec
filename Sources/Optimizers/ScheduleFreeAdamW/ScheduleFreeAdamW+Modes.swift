import Backends
import KernelInterface
import Tensors

extension Optimizer {
  /// Sets the parameters of ``ScheduleFreeAdamW`` to their evaluation weights x, for evaluation and for use after training.
  ///
  /// No step can be taken until you call ``train()``. The state records the mode and can be saved in either mode. It also
  /// keeps y, so evaluation and checkpoints don't change the bits of a training run. This method doesn't change parameters
  /// that are already in evaluation mode, that were never stepped, or that belong to a group of another rule.
  ///
  ///     optimizer.eval()
  ///     let loss = evaluate(model)
  ///     optimizer.train()
  ///
  /// - Precondition: the parameters have the shapes that they were stepped with.
  public func eval() { setTraining(false) }

  /// Sets the parameters of ``ScheduleFreeAdamW`` back to their training weights y, after ``eval()``.
  ///
  /// If you set other values in evaluation mode, y is computed from them. This method doesn't change parameters that are
  /// already in training mode, that were never stepped, or that belong to a group of another rule.
  public func train() { setTraining(true) }

  private func setTraining(_ isTraining: Bool) {
    for (group, parameters) in zip(ruleGroups, groupParameters) {
      guard let options = (group as? RuleGroup<ScheduleFreeAdamWOptions>)?.rule else { continue }
      for parameter in parameters {
        guard let slot = slot(of: parameter), var state = slot.state as? ScheduleFreeAdamWState,
          state.isTraining != isTraining
        else { continue }
        Backend.withDefault(backend) {
          isTraining ? options.train(parameter, &state) : options.evaluate(parameter, &state)
        }
        slot.state = state
      }
    }
  }
}

extension ScheduleFreeAdamWOptions {
  /// Sets P ← x. The state keeps y, the current P.
  fileprivate func evaluate(_ parameter: Parameter, _ state: inout ScheduleFreeAdamWState) {
    state.moments.tensors["y"] = parameter.value
    parameter.value = evaluationWeights(of: parameter.value, state.moments)
    state.isTraining = false
  }

  /// Sets P ← y: the y in the state if P is still its x, or else y = x + (1 − β₁)(z − x).
  fileprivate func train(_ parameter: Parameter, _ state: inout ScheduleFreeAdamWState) {
    let kept = state.moments.tensors.removeValue(forKey: "y")
    if let kept, evaluationWeights(of: kept, state.moments) == parameter.value {
      parameter.value = kept
    } else {
      let z = state.moments["z"]
      let x = parameter.value.converted(to: z.scalarType)
      parameter.value = (x + (z - x) * (1 - beta1)).converted(to: parameter.value.scalarType)
      // The residual belonged to the previous y.
      if let residual = state.tensors[residualName] {
        state.moments.tensors[residualName] = Tensor(zeros: residual.shape, as: residual.scalarType)
      }
    }
    state.isTraining = true
  }

  /// Returns x = y + (1 − 1/β₁)(z − y), rounded to nearest. The y of a 16-bit parameter includes its residual.
  private func evaluationWeights(of parameter: Tensor, _ state: MomentState) -> Tensor {
    let z = state["z"]
    var y = parameter.converted(to: z.scalarType)
    if var residual = state.tensors[residualName], residual.scalarType == parameter.scalarType,
      residual.shape == parameter.shape
    {
      let elements = y.mutableElements().address.assumingMemoryBound(to: Float.self)
      Backend.default.kernels.conversion.unround(
        parameter.elements, .compensated(residual: residual.mutableElements()), y.elementCount, elements)
    }
    return (y + (z - y) * (1 - 1 / beta1)).converted(to: parameter.scalarType)
  }
}

import KernelInterface
import Tensors

/// Refuses groups that an optimizer cannot serve: empty ones, and parameters or names given twice.
func checkGroups<Options>(_ groups: [ParameterGroup<Options>]) throws(OptimizerError) {
  if groups.isEmpty { throw .noParameters(group: 0) }
  var names = Set<String>()
  var identities = Set<ObjectIdentifier>()
  for (index, group) in groups.enumerated() {
    if group.parameters.isEmpty { throw .noParameters(group: index) }
    for parameter in group.parameters {
      guard identities.insert(ObjectIdentifier(parameter)).inserted, names.insert(parameter.name).inserted
      else { throw .duplicateParameter(name: parameter.name) }
    }
  }
}

/// Refuses a gradient that does not fit its parameter.
func checkGradient(of parameter: Parameter) throws(OptimizerError) {
  guard let gradient = parameter.gradient else { return }
  if gradient.shape != parameter.value.shape {
    throw .gradientShape(parameter: parameter.name, shape: parameter.value.shape, gradient: gradient.shape)
  }
}

/// Refuses to step a parameter alone where that step depends on other gradients.
func checkSteppingAlone(_ parameter: Parameter, policy: NonFinitePolicy) throws(OptimizerError) {
  if policy == .skipStep {
    throw .cannotStepAlone(
      parameter: parameter.name,
      reason: "the policy skipStep needs all gradients before the first update; take skipParameter instead")
  }
  if parameter.gradientNotes.isClippedJointly {
    throw .cannotStepAlone(
      parameter: parameter.name,
      reason: "its gradient was clipped by the norm of several, which is known only when all gradients are; "
        + "limit the norm of each by parameter.clipGradientNorm(maxNorm:), or step all by step()")
  }
}

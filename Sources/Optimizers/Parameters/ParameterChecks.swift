import Kernels
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

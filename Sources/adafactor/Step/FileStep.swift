import Checkpoints
import Optimizers
import Safetensors
import Tensors

/// One optimizer step on files. First, everything that the headers show is checked. Then each parameter is
/// read, stepped and written, one after the other. At the end, both files are put in place together.
struct FileStep<Rule: FileRule> {
  private let inputs: StepInputs
  private let groups: [(parameters: [String], options: Rule)]
  /// The options of each parameter.
  private let options: [ExactString: Rule]

  var parameterCount: Int { options.count }

  init(_ inputs: StepInputs, _ configuration: StepConfiguration) throws {
    self.inputs = inputs
    groups = try configuration.resolvedGroups(for: Rule.self, parameters: inputs.parameters)
    options = Dictionary(
      uniqueKeysWithValues: groups.flatMap { group in
        group.parameters.map { (ExactString($0), group.options) }
      })
    if let state = inputs.state, let saved = state.metadata[StateNames.optimizerKey], saved != Rule.name {
      throw ToolFileError(path: state.path, problem: "the state belongs to \(saved), not to \(Rule.name)")
    }
    for gradient in inputs.gradients.tensors where options[ExactString(gradient.name)] == nil {
      throw ToolFileError(
        path: configuration.path,
        problem: "no group contains the parameter \"\(gradient.name)\", which has a gradient in "
          + inputs.gradients.path)
    }
  }

  /// The settings of a step that don't belong to the rule.
  struct Settings {
    let outParameters: String
    let outState: String
    /// The path for the parameters in evaluation mode, or `nil` if they aren't written.
    let outEvaluation: String?
    let nonFinitePolicy: NonFinitePolicy
    let backend: Backend?
    let threads: Int?
  }

  /// Steps the parameters, and puts both files in place.
  ///
  /// A file's header is written before its tensors, so the parameters that the policy skips must be known in
  /// advance. A gradient that is not finite therefore starts the step again without its parameter.
  func run(_ settings: Settings, in transaction: FileTransaction) throws -> StepReport {
    let nonFinite: [String]
    do {
      let pass = try pass(settings, in: transaction, without: [])
      nonFinite = pass.nonFinite
      if nonFinite.isEmpty || settings.nonFinitePolicy == .propagate {
        return try pass.commit(in: transaction, nonFinite: nonFinite)
      }
    }
    let skipped =
      settings.nonFinitePolicy == .skipStep ? Set(options.keys) : Set(nonFinite.map { ExactString($0) })
    return try pass(settings, in: transaction, without: skipped).commit(in: transaction, nonFinite: nonFinite)
  }

  /// Both files while they are written.
  private struct Pass: ~Copyable {
    var parameters: SafetensorsWriter
    var states: SafetensorsWriter
    var evaluation: SafetensorsWriter?
    var steppedCount = 0
    var nonFinite: [String] = []

    consuming func commit(in transaction: FileTransaction, nonFinite: [String]) throws -> StepReport {
      let report = StepReport(steppedCount: steppedCount, nonFinite: nonFinite)
      let parameters = try parameters.finished()
      let states = try states.finished()
      try transaction.commit(parameters, states)
      if let evaluation { try evaluation.commit() }
      return report
    }
  }

  private func pass(
    _ settings: Settings, in transaction: FileTransaction, without skipped: Set<ExactString>
  ) throws -> Pass {
    let groups = try groups.map { try GroupSettings(parameters: $0.parameters, options: $0.options) }
    let metadata = [
      StateNames.optimizerKey: Rule.name,
      StateNames.groupsKey: String(decoding: try JSONText.encode(groups), as: UTF8.self),
    ]
    let stepped = Set(
      inputs.parameters.tensors.filter(inputs.takesPart).map { ExactString($0.name) }
    ).subtracting(skipped)
    var pass = Pass(
      parameters: try SafetensorsWriter(
        transaction.replacement(of: settings.outParameters),
        tensors: inputs.parameters.tensors.map(\.descriptor), metadata: inputs.parameters.metadata,
        order: .asGiven),
      states: try SafetensorsWriter(
        transaction.replacement(of: settings.outState), tensors: stateDescriptors(stepped),
        metadata: (inputs.state?.metadata ?? [:]).merging(metadata) { $1 }, order: .byAlignment))
    if let path = settings.outEvaluation {
      pass.evaluation = try SafetensorsWriter(
        path: path, tensors: inputs.parameters.tensors.map(\.descriptor),
        metadata: inputs.parameters.metadata,
        order: .asGiven)
    }
    for stored in inputs.parameters.tensors {
      if stepped.contains(ExactString(stored.name)) {
        try step(stored, &pass, settings)
      } else {
        try inputs.parameters.copy(stored, to: &pass.parameters)
        for part in inputs.stateTensors[ExactString(stored.name), default: [:]].values {
          try inputs.state?.copy(part, to: &pass.states)
        }
        if settings.outEvaluation != nil { try evaluate(stored, &pass, settings) }
      }
    }
    return pass
  }

  private func stateDescriptors(_ stepped: Set<ExactString>) -> [SafetensorsDescriptor] {
    inputs.parameters.tensors.flatMap { stored -> [SafetensorsDescriptor] in
      let exactName = ExactString(stored.name)
      let before = inputs.stateTensors[exactName, default: [:]]
      guard stepped.contains(exactName), let type = stored.scalarType.scalarType,
        let options = options[exactName]
      else { return before.values.map(\.descriptor) }
      func name(_ part: String) -> String { StateNames.name(of: part, stored.name) }
      let momentsBefore = before.filter { $0.key != StateNames.step && $0.key != residualName }
      let parts = options.stateParts(
        of: Shape(stored.shape), before: momentsBefore.mapValues { Shape($0.shape) })
      let moments = SafetensorsScalarType(type.arithmeticType)
      // Moments that the options no longer use stay in the state; a residual is dropped together with its
      // rounding.
      let kept = (Rule.State.tensorNames ?? before.keys.filter { $0 != StateNames.step }).filter {
        before[$0] != nil && parts.tensors[$0] == nil && $0 != residualName && !Rule.removedParts.contains($0)
      }
      let hasResidual = options.rounding.keepsResidual(of: type)
      let residual = SafetensorsDescriptor(name(residualName), stored.scalarType, shape: stored.shape)
      return parts.tensors.map { SafetensorsDescriptor(name($0), moments, shape: $1.dimensions) }
        + kept.map { SafetensorsDescriptor(name($0), moments, shape: before[$0]!.shape) }
        + parts.numbers.map { SafetensorsDescriptor(name($0), .float64, shape: []) }
        + [SafetensorsDescriptor(name(StateNames.step), .int64, shape: [])]
        + (hasResidual ? [residual] : [])
    }
  }

  /// Loads a parameter before the step, and an optimizer for it with its state.
  private func load(
    _ stored: SafetensorsTensor, _ settings: Settings
  ) throws -> (parameter: Parameter, optimizer: RuleOptimizer<Rule>) {
    let name = stored.name
    let parameter = Parameter(name, try inputs.parameters.readTensor(stored))
    // The initializer has checked that a group contains each parameter with a gradient.
    let optimizer = try RuleOptimizer(
      [parameter], options: options[ExactString(name)]!,
      nonFinitePolicy: settings.nonFinitePolicy == .skipStep ? .skipParameter : settings.nonFinitePolicy,
      backend: settings.backend, threads: settings.threads)
    do {
      try optimizer.setState(inputs.state(of: name, as: Rule.State.self), of: parameter)
    } catch let error as OptimizerError {
      throw ToolFileError(path: inputs.state?.path ?? inputs.parameters.path, problem: error.description)
    }
    return (parameter, optimizer)
  }

  /// Writes the evaluation weights of a parameter that isn't stepped.
  private func evaluate(_ stored: SafetensorsTensor, _ pass: inout Pass, _ settings: Settings) throws {
    guard options[ExactString(stored.name)] != nil, inputs.stateTensors[ExactString(stored.name)] != nil
    else {
      return try inputs.parameters.copy(stored, to: &pass.evaluation!)
    }
    let (parameter, optimizer) = try load(stored, settings)
    optimizer.eval()
    try pass.evaluation!.append(parameter.value, to: stored.name)
  }

  private func step(_ stored: SafetensorsTensor, _ pass: inout Pass, _ settings: Settings) throws {
    let name = stored.name
    let (parameter, optimizer) = try load(stored, settings)
    if let gradient = inputs.gradients.header.tensor(named: name) {
      parameter.gradient = try inputs.gradients.readTensor(gradient)
    }
    // A checkpoint of `train` is in evaluation mode.
    optimizer.train()
    var report = StepReport(steppedCount: 1, nonFinite: [])
    do {
      report = try optimizer.step()
    } catch OptimizerError.infiniteParameter {
      // The step itself succeeded; the check below refuses its parameter.
    } catch {
      throw ToolFileError(path: inputs.gradients.path, problem: error.description)
    }
    pass.steppedCount += report.steppedCount
    pass.nonFinite += report.nonFinite
    // Not stepped: this pass will be repeated and serves only to find other gradients that are not finite.
    guard report.steppedCount > 0 else { return }
    // A finite update can still exceed the range of the type if the rate or the weight decay is too large.
    if settings.nonFinitePolicy != .propagate, !parameter.value.isFinite,
      try inputs.parameters.readTensor(stored).isFinite
    {
      throw ToolFileError(
        path: inputs.parameters.path,
        problem:
          "the step would make \"\(name)\" infinite or NaN: lower its \"lr\" or \"weight_decay\", or give "
          + "--non-finite propagate")
    }
    try pass.parameters.append(parameter.value, to: name)
    guard let state = optimizer.state(of: parameter) else {
      fatalError("\(name) has no state after a step")
    }
    for (part, tensor) in state.tensors {
      try pass.states.append(tensor, to: StateNames.name(of: part, name))
    }
    for (part, number) in state.numbers {
      try pass.states.append(Tensor(scalars: [number], shape: []), to: StateNames.name(of: part, name))
    }
    let count = [Int64(state.step)]
    try pass.states.append(count.span.bytes, to: StateNames.name(of: StateNames.step, name))
    if settings.outEvaluation != nil {
      optimizer.eval()
      try pass.evaluation!.append(parameter.value, to: name)
    }
  }
}

extension SafetensorsWriter {
  mutating func append(_ tensor: Tensor, to name: String) throws(SafetensorsError) {
    try tensor.withUnsafeBytes { (bytes) throws(SafetensorsError) in try append(bytes, to: name) }
  }
}

extension SafetensorsFile {
  /// Copies a tensor unchanged, in pieces.
  func copy(_ stored: SafetensorsTensor, to writer: inout SafetensorsWriter) throws {
    try forEachPiece(of: stored) { try writer.append($0, to: stored.name) }
  }

  /// Reads a tensor in pieces of one megabyte, which hold whole elements of every type.
  func forEachPiece(of stored: SafetensorsTensor, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let pieceByteCount = 1 << 20
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceByteCount, alignment: 64)
    defer { buffer.deallocate() }
    let byteCount = stored.byteRange.count
    for start in stride(from: 0, to: byteCount, by: pieceByteCount) {
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(pieceByteCount, byteCount - start)])
      try read(stored.name, from: start, into: piece)
      try body(UnsafeRawBufferPointer(piece))
    }
  }
}

extension Tensor {
  /// Whether every element is finite.
  fileprivate var isFinite: Bool {
    func areFinite<Scalar: TensorScalar>(_ type: Scalar.Type) -> Bool {
      withElements(of: type) { $0.allSatisfy { $0.doubleValue.isFinite } }
    }
    return switch scalarType {
    case .float32: areFinite(Float.self)
    case .float64: areFinite(Double.self)
    default: converted(to: .float32).isFinite
    }
  }
}

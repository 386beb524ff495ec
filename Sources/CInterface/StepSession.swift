import Backends
import CAdafactor
import KernelInterface
import Optimizers
import Tensors

/// The prepared steps of the tensors of a call, kept for the next call with the same tensors.
///
/// A session changes no result. A tensor that has changed since the last call is read and prepared again. Only one call at
/// a time uses a session.
class StepSession {
  /// The properties of a call that a session is made for.
  struct Key: Equatable {
    var rule: ObjectIdentifier
    var count: Int
    var needsVerdict: Bool
    var threads: Int?
    var usesBaseline: Bool
  }

  let key: Key
  /// The address of the first parameter at the last call.
  fileprivate(set) var firstParameter: UnsafeMutableRawPointer?

  init(_ key: Key) { self.key = key }

  /// Takes one step, or throws an error with nothing changed.
  func step(
    _ rule: any InterfaceRule, _ tensors: UnsafeMutablePointer<adafactor_tensor>, policy: NonFinitePolicy,
    usesSquares: Bool
  ) throws(InterfaceError) {
    fatalError("A session has a rule: this one is of none.")
  }
}

/// The session of a rule.
final class RuleSession<Rule: InterfaceRule>: StepSession {
  private let group: RuleGroup<Rule>
  private let batch: AddressedBatch
  private let bindings: UnsafeMutableBufferPointer<Binding>

  /// A tensor as it is prepared.
  private struct Binding {
    /// The tensor's description; empty if it must be read again.
    var words: [Int] = []
    /// Its state in the caller's memory; empty if steps work there in place.
    var copied: [TensorDescription.StateDescription] = []
  }

  init(_ key: Key, _ rule: Rule) {
    group = RuleGroup(rule)
    let backend: Backend = Rule.multipliesMatrices ? .default : .defaultForOptimizers
    let (count, threads) = (key.count, key.threads)
    batch = SwiftKernelChoice.$usesBaseline.withValue(key.usesBaseline) {
      AddressedBatch(count: count, backend: backend, threads: threads)
    }
    bindings = .allocate(capacity: count)
    bindings.initialize(repeating: Binding())
    super.init(key)
  }

  deinit {
    bindings.deinitialize()
    bindings.deallocate()
  }

  override func step(
    _ rule: any InterfaceRule, _ tensors: UnsafeMutablePointer<adafactor_tensor>, policy: NonFinitePolicy,
    usesSquares: Bool
  ) throws(InterfaceError) {
    let rule = rule as! Rule
    if requirements(of: rule) != requirements(of: group.rule) {
      for index in bindings.indices { bindings[index].words = [] }
    }
    group.rule = rule
    firstParameter = tensors[0].parameter
    try bind(tensors)
    forEachChunk { range in
      for index in range { setAddresses(index, tensors[index], usesSquares: usesSquares) }
    }
    let nonFinite: [Int]
    do throws(OptimizerError) { nonFinite = try batch.run(policy: policy) } catch {
      throw InterfaceError(error)
    }
    forEachChunk { range in
      for index in range where bindings[index].copied.isEmpty { report(index, to: &tensors[index]) }
    }
    for index in bindings.indices where !bindings[index].copied.isEmpty {
      copyState(index, to: &tensors[index])
    }
    for index in nonFinite { tensors[index].outcome |= Int32(ADAFACTOR_WAS_NOT_FINITE) }
    if policy == .throwError, let first = nonFinite.first {
      let name = tensors[first].name.map { String(cString: $0) } ?? "tensor \(first)"
      throw InterfaceError(
        batch.isWritten(first) ? .infiniteParameter(parameter: name) : .nonFiniteGradient(parameter: name),
        tensor: first)
    }
  }

  /// The tensors that states need with these options.
  private func requirements(of rule: Rule) -> [[String]] {
    [rule.required(of: [1], .bfloat16).sorted(), rule.required(of: [1, 1], .bfloat16).sorted()]
  }

  /// Runs a body over ranges of indices, on all threads if there are many.
  private func forEachChunk(_ body: (Range<Int>) -> Void) {
    let length = 512
    let count = bindings.count
    parallelFor(count: (count + length - 1) / length, threads: batch.threads) { _, chunk in
      body(chunk * length..<min((chunk + 1) * length, count))
    }
  }

  // MARK: Before the step

  /// Reads and prepares the tensors that are not as they were at the last call.
  private func bind(_ tensors: UnsafeMutablePointer<adafactor_tensor>) throws(InterfaceError) {
    forEachChunk { range in
      for index in range where !bindings[index].words.isEmpty {
        let tensor = tensors + index
        if tensor.pointee.step != batch.stepCount(index) || !tensor.matches(bindings[index].words) {
          bindings[index].words = []
        }
      }
    }
    let stale = bindings.indices.filter { bindings[$0].words.isEmpty }
    if stale.isEmpty { return }
    var found: [(index: Int, tensor: TensorDescription, state: Rule.State?)] = []
    for index in stale {
      let tensor = try TensorDescription(tensors[index], index: index)
      found.append((index, tensor, try state(of: tensor, tensors[index], index)))
    }
    try checkOverlaps(tensors)
    for (index, tensor, state) in found { prepare(index, tensor, state, &tensors[index]) }
  }

  /// Returns the state of a tensor, in the caller's memory; nil before the first step of a rule that makes its own.
  private func state(
    of tensor: TensorDescription, _ values: adafactor_tensor, _ index: Int
  ) throws(InterfaceError) -> Rule.State? {
    let (rule, name) = (group.rule, tensor.name)
    func fail(_ message: String) -> InterfaceError {
      InterfaceError(ADAFACTOR_INVALID_STATE, message, tensor: index)
    }
    if let greatest = Rule.greatestAxis, let length = tensor.shape.dimensions.max(), length > greatest {
      throw InterfaceError(
        ADAFACTOR_INVALID_TENSOR,
        "\"\(name)\" has an axis of \(length): \(Rule.name) takes at most \(greatest).",
        tensor: index)
    }
    do throws(OptimizerError) { try rule.check(shape: tensor.shape, of: name) } catch {
      throw InterfaceError(error, tensor: index)
    }
    let layout = rule.layout(of: tensor.shape, tensor.scalarType)
    let given = Dictionary(uniqueKeysWithValues: tensor.states.map { ($0.name, $0.tensor) })
    let isFirst = values.has_state == 0
    let missing = (isFirst ? Array(layout.keys) : rule.required(of: tensor.shape, tensor.scalarType))
      .filter { given[$0] == nil }
    if let missing = missing.min() {
      let expected = layout[missing]!
      throw fail(
        "The state of \"\(name)\" lacks \(missing): it needs a \(expected.type.rawValue) tensor of the shape "
          + "\(expected.shape)."
      )
    }
    if given[residualName] != nil && layout[residualName] == nil {
      throw fail(
        "The state of \"\(name)\" has a residual, which only 16-bit parameters with the rounding compensated have: "
          + "leave it out."
      )
    }
    if isFirst {
      for state in tensor.states {
        guard let expected = layout[state.name] else {
          throw fail(
            "The state of \"\(name)\" has no tensor \(state.name): it has "
              + "\(layout.keys.sorted().joined(separator: ", "))."
          )
        }
        guard state.tensor.shape == expected.shape, state.tensor.scalarType == expected.type else {
          throw fail(
            "\(state.name) of \"\(name)\" is \(state.tensor.scalarType.rawValue) \(state.tensor.shape): it must be "
              + "\(expected.type.rawValue) \(expected.shape)."
          )
        }
      }
      return Rule.stepsInPlace ? Rule.State(step: 0, tensors: given, numbers: [:]) : nil
    }
    for state in tensor.states {
      if let known = Rule.State.tensorNames, !known.contains(state.name) {
        throw fail(
          "The state of \"\(name)\" has no tensor \(state.name): it has \(known.joined(separator: ", ")).")
      }
      let type =
        [residualName, "y"].contains(state.name) ? tensor.scalarType : tensor.scalarType.arithmeticType
      guard state.tensor.scalarType == type else {
        throw fail(
          "\(state.name) of \"\(name)\" is \(state.tensor.scalarType.rawValue): it must be \(type.rawValue).")
      }
    }
    // Of a new tensor shape and type are checked too.
    func check(_ state: Rule.State) throws(InterfaceError) {
      do throws(OptimizerError) {
        try rule.check(state, parameter: name, shape: tensor.shape, scalarType: tensor.scalarType)
        try rule.checkBeforeStep(state, parameter: name)
      } catch { throw InterfaceError(error, tensor: index) }
    }
    let numbers = withUnsafeBytes(of: values.numbers) { bytes in
      let numbers = bytes.bindMemory(to: Double.self)
      return Dictionary(
        uniqueKeysWithValues: zip(Rule.State.numberNames, numbers).filter { !$1.isNaN })
    }
    try check(Rule.State(step: Int(values.step), tensors: given, numbers: numbers))
    let old = tensor.states.filter { !$0.isNew }.map { ($0.name, $0.tensor) }
    return Rule.State(
      step: Int(values.step), tensors: Dictionary(uniqueKeysWithValues: old), numbers: numbers)
  }

  /// Refuses parameters and states that share memory: threads would write there at the same time.
  private func checkOverlaps(_ tensors: UnsafeMutablePointer<adafactor_tensor>) throws(InterfaceError) {
    var ranges: [(start: UInt, end: UInt, tensor: Int)] = []
    func append(
      _ address: UnsafeMutableRawPointer?, _ shape: UnsafePointer<Int64>?, _ rank: Int64, _ type: Int32,
      _ tensor: Int
    ) {
      let count = (0..<Int(rank)).reduce(1) { $0 * Int(shape![$1]) }
      guard let address, count > 0 else { return }
      let start = UInt(bitPattern: address)
      ranges.append((start, start &+ UInt(count * ScalarType(code: type)!.byteCount), tensor))
    }
    for index in 0..<key.count {
      let tensor = tensors[index]
      append(tensor.parameter, tensor.shape, tensor.rank, tensor.parameter_type, index)
      for place in 0..<Int(tensor.state_count) {
        let state = tensor.states[place]
        append(state.data, state.shape, state.rank, state.type, index)
      }
    }
    ranges.sort { $0.start < $1.start }
    for (first, second) in zip(ranges, ranges.dropFirst()) where second.start < first.end {
      let (lower, upper) = (min(first.tensor, second.tensor), max(first.tensor, second.tensor))
      throw InterfaceError(
        ADAFACTOR_INVALID_TENSOR,
        "Tensors \(lower) and \(upper) of the call share memory of parameters or states: give each memory of its "
          + "own, and each parameter once.", tensor: upper)
    }
  }

  /// Prepares a tensor, which has been checked.
  private func prepare(
    _ index: Int, _ tensor: TensorDescription, _ state: Rule.State?, _ values: inout adafactor_tensor
  ) {
    let isFirst = values.has_state == 0
    if isFirst && Rule.stepsInPlace {
      for state in tensor.states {
        state.address.initializeMemory(as: UInt8.self, repeating: 0, count: state.tensor.byteCount)
      }
    }
    batch.prepare(
      index, of: group,
      StepLayout(
        name: tensor.name, shape: tensor.shape, scalarType: tensor.scalarType,
        gradientType: tensor.gradientType, needsVerdict: key.needsVerdict, mayComeFromMemory: true),
      state: state)
    // States that share equal moments, and moments that are new, have memory of their own.
    let isInPlace =
      Rule.stepsInPlace
      && tensor.states.allSatisfy { state?.tensors[$0.name]?.memory == UnsafeRawPointer($0.address) }
    bindings[index].copied = isInPlace ? [] : tensor.states
    bindings[index].words = withUnsafeMutablePointer(to: &values) { $0.words }
  }

  private func setAddresses(_ index: Int, _ tensor: adafactor_tensor, usesSquares: Bool) {
    batch.setTensor(
      index,
      parameter: MutableElements(
        tensor.parameter ?? TensorDescription.nowhere, ScalarType(code: tensor.parameter_type)!),
      gradient: Elements(
        tensor.gradient ?? UnsafeRawPointer(TensorDescription.nowhere),
        ScalarType(code: tensor.gradient_type)!),
      gradientScale: tensor.gradient_scale, squares: usesSquares && tensor.squares > 0 ? tensor.squares : nil)
  }

  // MARK: After the step

  /// Reports the step of a tensor whose state is in the caller's memory.
  private func report(_ index: Int, to tensor: inout adafactor_tensor) {
    reportSquares(index, to: &tensor)
    guard batch.isWritten(index) else {
      tensor.outcome = 0
      return
    }
    tensor.outcome = Int32(ADAFACTOR_STEPPED)
    tensor.has_state = 1
    tensor.step = Int64(batch.stepCount(index))
    tensor.numbers.0 = batch.rootMeanSquare(index) ?? .nan
  }

  /// Reports Σ p², which a step that was not made leaves as it is.
  private func reportSquares(_ index: Int, to tensor: inout adafactor_tensor) {
    guard batch.isWritten(index) else { return }
    let squares = batch.squares(index) ?? 0
    tensor.squares = squares.isFinite ? squares : 0
  }

  /// Reports the step of a tensor, and copies the parts of its state that are not in the caller's memory.
  private func copyState(_ index: Int, to tensor: inout adafactor_tensor) {
    let states = bindings[index].copied
    bindings[index] = Binding()
    reportSquares(index, to: &tensor)
    tensor.outcome = batch.isWritten(index) ? Int32(ADAFACTOR_STEPPED) : 0
    guard batch.isWritten(index), let state = batch[state: index] else { return }
    let tensors = state.tensors
    guard states.allSatisfy({ tensors[$0.name]?.shape == $0.tensor.shape }) else {
      // The first gradient was not finite, and no basis could be computed from it.
      return
    }
    tensor.has_state = 1
    tensor.step = Int64(state.step)
    withUnsafeMutableBytes(of: &tensor.numbers) { bytes in
      let numbers = bytes.bindMemory(to: Double.self)
      for (place, name) in Rule.State.numberNames.enumerated() {
        numbers[place] = state.numbers[name] ?? .nan
      }
    }
    for place in 0..<Int(tensor.state_count) { tensor.states[place].is_new = 0 }
    // Before any is written: a rule may have moved one into the place of another.
    let addresses = Set(states.map { UnsafeRawPointer($0.address) })
    let sources = states.map { state in
      let source = tensors[state.name]!
      return source.memory != UnsafeRawPointer(state.address) && addresses.contains(source.memory)
        ? source.copied : source
    }
    for (state, source) in zip(states, sources) where source.memory != UnsafeRawPointer(state.address) {
      state.address.copyMemory(from: source.memory, byteCount: source.byteCount)
    }
    batch[state: index] = nil
  }
}

extension Tensor {
  /// The same elements in memory of its own.
  fileprivate var copied: Tensor {
    var copy = self
    _ = copy.mutableMemory()
    return copy
  }
}

import CAdafactor
import Optimizers
import Schedules
import Tensors

// The functions of adafactor.h, which documents them.

/// Texts that live as long as the process.
private enum Constants {
  static let version = copy("0.1.0")
  static let optimizers = InterfaceRules.all.map { copy($0.name) }
  static let numbers = Dictionary(
    uniqueKeysWithValues: Set(InterfaceRules.all.flatMap { numberNames($0) }).map { ($0, copy($0)) })

  // Addresses as numbers, which threads may share.
  private static func copy(_ text: String) -> UInt {
    let bytes = Array(text.utf8CString)
    let memory = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    memory.initialize(from: bytes, count: bytes.count)
    return UInt(bitPattern: memory)
  }

  static func numberNames(_ rule: any InterfaceRule.Type) -> [String] {
    func names<Rule: InterfaceRule>(_: Rule.Type) -> [String] { Rule.State.numberNames }
    return names(rule)
  }
}

/// Returns the version of the library.
@_cdecl("adafactor_version")
public func exportedVersion() -> UnsafePointer<CChar>? { UnsafePointer(bitPattern: Constants.version) }

/// Returns the name of an optimizer, or null.
@_cdecl("adafactor_optimizer_name")
public func exportedOptimizerName(_ index: Int64) -> UnsafePointer<CChar>? {
  guard (0..<Int64(Constants.optimizers.count)).contains(index) else { return nil }
  return UnsafePointer(bitPattern: Constants.optimizers[Int(index)])
}

/// Reads the name of an optimizer and its options.
private func rule(
  _ optimizer: UnsafePointer<CChar>?, _ options: UnsafePointer<CChar>?
) throws(InterfaceError) -> any InterfaceRule {
  let type = try InterfaceRules.rule(named: try text(optimizer, "optimizer"))
  return try SessionPool.rule(type, json: options == nil ? nil : try text(options, "options"))
}

/// Checks the options of an optimizer.
@_cdecl("adafactor_check_options")
public func exportedCheckOptions(
  _ optimizer: UnsafePointer<CChar>?, _ options: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<adafactor_error>?
) -> Int32 {
  reporting(to: error) { () throws(InterfaceError) in _ = try rule(optimizer, options) }
}

/// Lists the tensors of a state.
@_cdecl("adafactor_state_layout")
public func exportedStateLayout(
  _ optimizer: UnsafePointer<CChar>?, _ options: UnsafePointer<CChar>?, _ type: Int32,
  _ shape: UnsafePointer<Int64>?, _ rank: Int64, _ layout: UnsafeMutablePointer<adafactor_layout>?,
  _ capacity: Int64, _ count: UnsafeMutablePointer<Int64>?,
  _ numberNames: UnsafeMutablePointer<UnsafePointer<CChar>?>?, _ error: UnsafeMutablePointer<adafactor_error>?
) -> Int32 {
  reporting(to: error) { () throws(InterfaceError) in
    let rule = try rule(optimizer, options)
    guard let count, capacity >= 0, layout != nil || capacity == 0 else {
      throw InterfaceError(
        ADAFACTOR_INVALID_CALL, "count is null, or layout is null or too small for a capacity of \(capacity)."
      )
    }
    guard let type = ScalarType(code: type) else {
      throw InterfaceError(ADAFACTOR_INVALID_TENSOR, "The type is \(type): \(ScalarType.codes).")
    }
    let shape = try TensorDescription.shape(shape, rank)
    let entries = try layoutEntries(rule, shape, type)
    count.pointee = Int64(entries.count)
    for (index, entry) in entries.enumerated() where index < capacity {
      layout![index].type = entry.type.code
      layout![index].reserved = 0
      layout![index].rank = Int64(entry.shape.rank)
      withUnsafeMutableBytes(of: &layout![index].name) { $0.write(entry.name) }
      withUnsafeMutableBytes(of: &layout![index].shape) { bytes in
        let dimensions = bytes.bindMemory(to: Int64.self)
        for axis in dimensions.indices {
          dimensions[axis] = axis < entry.shape.rank ? Int64(entry.shape.dimensions[axis]) : 0
        }
      }
    }
    guard let numberNames else { return }
    let names = Constants.numberNames(Swift.type(of: rule))
    for index in 0..<Int(ADAFACTOR_MAX_NUMBERS) {
      numberNames[index] =
        index < names.count ? UnsafePointer(bitPattern: Constants.numbers[names[index]]!) : nil
    }
  }
}

/// The tensors of a state by name, for a shape that the rule can step.
private func layoutEntries<Rule: InterfaceRule>(
  _ rule: Rule, _ shape: Shape, _ type: ScalarType
) throws(InterfaceError) -> [(name: String, shape: Shape, type: ScalarType)] {
  if let greatest = Rule.greatestAxis, let length = shape.dimensions.max(), length > greatest {
    throw InterfaceError(
      ADAFACTOR_INVALID_TENSOR, "The shape has an axis of \(length): \(Rule.name) takes at most \(greatest).")
  }
  do throws(OptimizerError) { try rule.check(shape: shape, of: "parameter") } catch {
    throw InterfaceError(ADAFACTOR_INVALID_TENSOR, error.description)
  }
  return rule.layout(of: shape, type).sorted { $0.key < $1.key }.map {
    ($0.key, $0.value.shape, $0.value.type)
  }
}

/// Takes one step of some tensors.
@_cdecl("adafactor_step")
public func exportedStep(
  _ call: UnsafePointer<adafactor_call>?, _ tensors: UnsafeMutablePointer<adafactor_tensor>?, _ count: Int64,
  _ error: UnsafeMutablePointer<adafactor_error>?
) -> Int32 {
  reporting(to: error) { () throws(InterfaceError) in
    func fail(_ message: String) -> InterfaceError { InterfaceError(ADAFACTOR_INVALID_CALL, message) }
    guard let call else { throw fail("call is null.") }
    let sizes = [call.pointee.size, call.pointee.tensor_size, call.pointee.state_size].map { Int($0) }
    let expected = [
      MemoryLayout<adafactor_call>.size, MemoryLayout<adafactor_tensor>.size,
      MemoryLayout<adafactor_state>.size,
    ]
    guard sizes == expected else {
      throw fail(
        "The sizes of the structs are \(sizes), but \(expected) here: set them by ADAFACTOR_CALL_SIZES, with the "
          + "header of this library.")
    }
    guard (0...(1 << 24)).contains(count), tensors != nil || count == 0 else {
      throw fail("tensors is null, or their number \(count) is not in 0...2^24.")
    }
    guard call.pointee.threads >= 0 else {
      throw fail(
        "threads is \(call.pointee.threads): it must be 0 for one per processor, or a number of threads.")
    }
    let policies: [NonFinitePolicy] = [.propagate, .skipParameter, .skipStep, .throwError]
    guard policies.indices.contains(Int(call.pointee.non_finite)) else {
      throw fail("non_finite is \(call.pointee.non_finite): it must be one of the policies 0, 1, 2 and 3.")
    }
    guard call.pointee.uses_baseline == 0 || call.pointee.uses_baseline == 1 else {
      throw fail("uses_baseline is \(call.pointee.uses_baseline): it must be 0 or 1.")
    }
    guard (0...1).contains(call.pointee.uses_squares), call.pointee.reserved == 0 else {
      throw fail(
        "uses_squares is \(call.pointee.uses_squares) and reserved \(call.pointee.reserved): they must be 0 or 1, and 0."
      )
    }
    let rule = try rule(call.pointee.optimizer, call.pointee.options)
    guard let tensors, count > 0 else { return }
    let policy = policies[Int(call.pointee.non_finite)]
    let key = StepSession.Key(
      rule: ObjectIdentifier(type(of: rule)), count: Int(count), needsVerdict: policy != .propagate,
      threads: call.pointee.threads == 0 ? nil : Int(call.pointee.threads),
      usesBaseline: call.pointee.uses_baseline == 1)
    let session = SessionPool.take(key, firstParameter: tensors[0].parameter) ?? newSession(key, rule)
    do throws(InterfaceError) {
      try session.step(rule, tensors, policy: policy, usesSquares: call.pointee.uses_squares == 1)
    } catch {
      // After any other error the session may be half prepared: it is not kept.
      if error.code == ADAFACTOR_NON_FINITE { SessionPool.keep(session) }
      throw error
    }
    SessionPool.keep(session)
  }
}

private func newSession<Rule: InterfaceRule>(_ key: StepSession.Key, _ rule: Rule) -> StepSession {
  RuleSession(key, rule)
}

/// The greatest step of a schedule: every whole number up to it is a Double.
private let greatestStep: Int64 = 1 << 53

/// Writes the rates of a schedule.
@_cdecl("adafactor_schedule_rates")
public func exportedScheduleRates(
  _ schedule: UnsafePointer<CChar>?, _ warmupSteps: Int64, _ trainingSteps: Int64,
  _ options: UnsafePointer<CChar>?, _ initialRate: Double, _ firstStep: Int64, _ count: Int64,
  _ rates: UnsafeMutablePointer<Double>?, _ error: UnsafeMutablePointer<adafactor_error>?
) -> Int32 {
  reporting(to: error) { () throws(InterfaceError) in
    try checkSeries(count, rates, initialRate)
    guard (-1...greatestStep).contains(warmupSteps), (-1...greatestStep).contains(trainingSteps),
      (0...greatestStep).contains(firstStep)
    else {
      throw InterfaceError(
        ADAFACTOR_INVALID_CALL,
        "The steps are \(warmupSteps), \(trainingSteps) and \(firstStep): they must be in 0...2^53, or -1 for no "
          + "warmup and training steps.")
    }
    let made = try makeSchedule(
      schedule, warmupSteps: warmupSteps < 0 ? nil : Int(warmupSteps),
      trainingSteps: trainingSteps < 0 ? nil : Int(trainingSteps), options)
    guard case .byStep(let made) = made else {
      throw InterfaceError(
        ADAFACTOR_UNKNOWN_NAME, "\(made.name) follows a metric: call adafactor_metric_rates.")
    }
    do throws(ScheduleError) { try made.check(initialRate: initialRate) } catch {
      throw InterfaceError(error)
    }
    for index in 0..<Int(count) {
      rates![index] = made.rate(at: Int(firstStep) + index, initialRate: initialRate)
    }
  }
}

/// Writes the rates of a schedule that follows a metric.
@_cdecl("adafactor_metric_rates")
public func exportedMetricRates(
  _ schedule: UnsafePointer<CChar>?, _ options: UnsafePointer<CChar>?, _ initialRate: Double,
  _ metrics: UnsafePointer<Double>?, _ count: Int64, _ rates: UnsafeMutablePointer<Double>?,
  _ error: UnsafeMutablePointer<adafactor_error>?
) -> Int32 {
  reporting(to: error) { () throws(InterfaceError) in
    try checkSeries(count, rates, initialRate)
    guard metrics != nil || count == 0 else {
      throw InterfaceError(ADAFACTOR_INVALID_CALL, "metrics is null.")
    }
    let made = try makeSchedule(schedule, warmupSteps: nil, trainingSteps: nil, options)
    guard case .byMetric(var made) = made else {
      throw InterfaceError(
        ADAFACTOR_UNKNOWN_NAME, "\(made.name) does not follow a metric: call adafactor_schedule_rates.")
    }
    do throws(ScheduleError) { try made.start(rates: [initialRate]) } catch { throw InterfaceError(error) }
    for index in 0..<Int(count) {
      made.observe(metrics![index])
      rates![index] = made.rates[0]
    }
  }
}

private func makeSchedule(
  _ name: UnsafePointer<CChar>?, warmupSteps: Int?, trainingSteps: Int?, _ options: UnsafePointer<CChar>?
) throws(InterfaceError) -> AnyLearningRateSchedule {
  let name = try text(name, "schedule")
  let options = try JSONOptions.read(options == nil ? nil : try text(options, "options"))
  do throws(ScheduleError) {
    return try AnyLearningRateSchedule(
      named: name, warmupSteps: warmupSteps, trainingSteps: trainingSteps, options: options)
  } catch { throw InterfaceError(error) }
}

private func checkSeries(
  _ count: Int64, _ rates: UnsafeMutablePointer<Double>?, _ initialRate: Double
) throws(InterfaceError) {
  guard (0...(1 << 40)).contains(count), rates != nil || count == 0 else {
    throw InterfaceError(
      ADAFACTOR_INVALID_CALL, "rates is null, or their number \(count) is not in 0...2^40.")
  }
  guard initialRate >= 0 && initialRate.isFinite else {
    throw InterfaceError(
      ADAFACTOR_INVALID_CALL, "initial_rate is \(initialRate): it must be finite and not negative.")
  }
}

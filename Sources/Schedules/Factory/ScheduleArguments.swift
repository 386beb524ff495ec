/// What a schedule is made from by name: the counts, and the options over their defaults.
struct ScheduleArguments {
  let schedule: String
  private let warmup: Int?
  private let training: Int?
  private let options: [String: ScheduleOption]
  private let descriptions: [String: OptionDescription]

  init(
    _ schedule: String, warmupSteps: Int?, trainingSteps: Int?, options: [String: ScheduleOption],
    descriptions: [OptionDescription]
  ) throws(ScheduleError) {
    self.schedule = schedule
    warmup = warmupSteps
    training = trainingSteps
    self.options = options
    self.descriptions = Dictionary(uniqueKeysWithValues: descriptions.map { ($0.name, $0) })
    // In alphabetical order, so that of several wrong options always the same one is named.
    for name in options.keys.sorted() where self.descriptions[name] == nil {
      throw .unknownOption(schedule: schedule, option: name, known: descriptions.map(\.name))
    }
  }

  // MARK: Counts

  var optionalWarmupSteps: Int? { warmup }
  var optionalTrainingSteps: Int? { training }

  func warmupSteps() throws(ScheduleError) -> Int {
    guard let warmup else { throw .missingArgument(schedule: schedule, argument: "num_warmup_steps") }
    return warmup
  }

  func trainingSteps() throws(ScheduleError) -> Int {
    guard let training else { throw .missingArgument(schedule: schedule, argument: "num_training_steps") }
    return training
  }

  // MARK: Options

  func optionalInteger(_ name: String) throws(ScheduleError) -> Int? {
    let value = value(name)
    if case .null = value { return nil }
    guard let integer = integer(value) else { throw illTyped(name, value) }
    return integer
  }

  func integer(_ name: String) throws(ScheduleError) -> Int {
    try required(name, optionalInteger(name))
  }

  func optionalNumber(_ name: String) throws(ScheduleError) -> Double? {
    let value = value(name)
    if case .null = value { return nil }
    guard let number = number(value) else { throw illTyped(name, value) }
    return number
  }

  func number(_ name: String) throws(ScheduleError) -> Double {
    try required(name, optionalNumber(name))
  }

  func boolean(_ name: String) throws(ScheduleError) -> Bool {
    let value = value(name)
    guard case .bool(let boolean) = value else { throw illTyped(name, value) }
    return boolean
  }

  func text(_ name: String) throws(ScheduleError) -> String {
    let value = value(name)
    guard case .string(let text) = value else { throw illTyped(name, value) }
    return text
  }

  /// The elements of a list; a single value counts as a list of one, which a command line cannot tell.
  private func list<T>(_ name: String, _ element: (ScheduleOption) -> T?) throws(ScheduleError) -> [T] {
    let value = value(name)
    let elements: [ScheduleOption]
    switch value {
    case .null: throw .missingArgument(schedule: schedule, argument: name)
    case .array(let array): elements = array
    default: elements = [value]
    }
    var result: [T] = []
    for candidate in elements {
      guard let element = element(candidate) else { throw illTyped(name, value) }
      result.append(element)
    }
    return result
  }

  func integers(_ name: String) throws(ScheduleError) -> [Int] { try list(name, integer) }
  func numbers(_ name: String) throws(ScheduleError) -> [Double] { try list(name, number) }
  func texts(_ name: String) throws(ScheduleError) -> [String] {
    try list(name) { if case .string(let text) = $0 { text } else { nil } }
  }

  func perGroup(_ name: String) throws(ScheduleError) -> PerGroup {
    if let number = number(value(name)) { return .all(number) }
    guard case .array = value(name) else { throw illTyped(name, value(name)) }
    return .each(try numbers(name))
  }

  /// The default where the option is absent or null.
  private func value(_ name: String) -> ScheduleOption {
    guard let description = descriptions[name] else {
      preconditionFailure("\(schedule) reads the option \(name) without describing it")
    }
    let value = options[name] ?? .null
    return value == .null ? description.defaultValue : value
  }

  private func required<T>(_ name: String, _ value: T?) throws(ScheduleError) -> T {
    guard let value else { throw .missingArgument(schedule: schedule, argument: name) }
    return value
  }

  private func illTyped(_ name: String, _ value: ScheduleOption) -> ScheduleError {
    .illTypedOption(
      schedule: schedule, option: name, value: value.description,
      expected: descriptions[name]?.kind.rawValue ?? "another type")
  }

  private func integer(_ value: ScheduleOption) -> Int? {
    switch value {
    case .int(let value): value
    case .double(let value): Int(exactly: value)
    default: nil
    }
  }

  private func number(_ value: ScheduleOption) -> Double? {
    switch value {
    case .int(let value): Double(value)
    case .double(let value): value
    default: nil
    }
  }
}

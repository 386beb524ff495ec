import CAdafactor
import Optimizers
import Schedules
import Tensors

/// An optimizer that the C interface knows by name.
protocol InterfaceRule: RoundedRule {
  /// The shapes of the tensors of a parameter's state, as its first step makes them, without a residual.
  func stateShapes(of shape: Shape) -> [String: Shape]

  /// Whether steps work on the moments in place, so that the caller's memory can be the state's.
  static var stepsInPlace: Bool { get }

  /// The greatest length of an axis whose square is the size of a state's tensor; nil if there are none.
  static var greatestAxis: Int? { get }
}

extension InterfaceRule {
  static var stepsInPlace: Bool { false }
  static var greatestAxis: Int? { nil }

  /// The tensors of a parameter's state before its first step, by name.
  func layout(of shape: Shape, _ type: ScalarType) -> [String: (shape: Shape, type: ScalarType)] {
    var layout = stateShapes(of: shape).mapValues { ($0, type.arithmeticType) }
    if rounding.keepsResidual(of: type) { layout[residualName] = (shape, type) }
    return layout
  }

  /// The tensors that these options require of a state which exists. The rule checks all others.
  func required(of shape: Shape, _ type: ScalarType) -> [String] {
    let names = stateShapes(of: shape).keys
    return (Self.stepsInPlace ? Array(names) : names.filter { $0 == "exp_avg" })
      + (rounding.keepsResidual(of: type) ? [residualName] : [])
  }
}

extension InterfaceRule where Self: ElementwiseRule {
  static var stepsInPlace: Bool { true }

  func stateShapes(of shape: Shape) -> [String: Shape] {
    Dictionary(uniqueKeysWithValues: usedMomentNames.map { ($0, shape) })
  }
}

extension SGDOptions: InterfaceRule {}
extension LionOptions: InterfaceRule {}

extension AdafactorOptions: InterfaceRule {
  static var stepsInPlace: Bool { true }

  func stateShapes(of shape: Shape) -> [String: Shape] {
    shape.factoredMoments.merging(beta1 == nil ? [:] : ["exp_avg": shape]) { $1 }
  }
}

extension AdamWOptions: InterfaceRule {
  static var stepsInPlace: Bool { true }

  func stateShapes(of shape: Shape) -> [String: Shape] {
    ["exp_avg": shape, "exp_avg_sq": shape].merging(amsgrad ? ["max_exp_avg_sq": shape] : [:]) { $1 }
  }
}

extension StableAdamWOptions: InterfaceRule {
  func stateShapes(of shape: Shape) -> [String: Shape] { ["exp_avg": shape, "exp_avg_sq": shape] }
}

extension ScheduleFreeAdamWOptions: InterfaceRule {
  func stateShapes(of shape: Shape) -> [String: Shape] { ["z": shape, "exp_avg_sq": shape] }
}

extension CAMEOptions: InterfaceRule {
  func stateShapes(of shape: Shape) -> [String: Shape] {
    guard shape.rank > 1 else { return ["exp_avg": shape, "exp_avg_sq": shape] }
    let (rows, columns) = (shape.removing(axis: -1), shape.removing(axis: -2))
    return [
      "exp_avg": shape, "exp_avg_sq_row": rows, "exp_avg_sq_col": columns, "exp_avg_res_row": rows,
      "exp_avg_res_col": columns,
    ]
  }
}

extension MuonOptions: InterfaceRule {
  static var greatestAxis: Int? { 1 << 30 }

  func stateShapes(of shape: Shape) -> [String: Shape] { ["momentum_buffer": shape] }
}

extension SOAPOptions: InterfaceRule {
  static var greatestAxis: Int? { 1 << 30 }
}

extension FactoredSOAPOptions: InterfaceRule {
  static var greatestAxis: Int? { 1 << 30 }
}

extension GaLoreAdamWOptions: InterfaceRule {
  static var greatestAxis: Int? { 1 << 30 }

  func stateShapes(of shape: Shape) -> [String: Shape] { stateShapes(of: shape, before: [:]) }
}

extension GaLoreAdafactorOptions: InterfaceRule {
  static var greatestAxis: Int? { 1 << 30 }

  func stateShapes(of shape: Shape) -> [String: Shape] { stateShapes(of: shape, before: [:]) }
}

/// The optimizers by name.
enum InterfaceRules {
  static let all: [any InterfaceRule.Type] = [
    AdafactorOptions.self, AdamWOptions.self, SGDOptions.self, LionOptions.self, StableAdamWOptions.self,
    CAMEOptions.self, MuonOptions.self, SOAPOptions.self, FactoredSOAPOptions.self,
    ScheduleFreeAdamWOptions.self, GaLoreAdamWOptions.self, GaLoreAdafactorOptions.self,
  ]

  /// Returns the rule of a name.
  static func rule(named name: String) throws(InterfaceError) -> any InterfaceRule.Type {
    guard let rule = all.first(where: { $0.name == name }) else {
      throw InterfaceError(
        ADAFACTOR_UNKNOWN_NAME,
        "There is no optimizer \"\(name)\". The optimizers are "
          + "\(all.map { $0.name }.joined(separator: ", "))."
      )
    }
    return rule
  }
}

extension InterfaceRule {
  /// Creates a rule with the options of a JSON object; nil for the defaults.
  init(json: String?) throws(InterfaceError) {
    let options = try JSONOptions.read(json)
    do {
      self = try Self(from: OptionDecoder(.object(options), schedule: Self.name))
    } catch let error as OptimizerError {
      throw InterfaceError(error)
    } catch let error as ScheduleError {
      throw InterfaceError(error)
    } catch {
      throw InterfaceError(ADAFACTOR_INVALID_OPTION, "\(Self.name): the options are ill-typed: \(error)")
    }
  }
}

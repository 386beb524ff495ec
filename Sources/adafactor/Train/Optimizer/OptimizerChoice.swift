import Foundation
import Optimizers
import Tensors

enum OptimizerKind: String, CaseIterable, Encodable {
  case adafactor, adamw
}

enum OptimizerChoice: Equatable {
  case adafactor(Adafactor.Options)
  case adamw(AdamW.Options)

  var kind: OptimizerKind {
    switch self {
    case .adafactor: .adafactor
    case .adamw: .adamw
    }
  }

  var options: any RoundedRule {
    switch self {
    case .adafactor(let options): options
    case .adamw(let options): options
    }
  }

  func make(
    _ parameters: [Parameter], backend: Backend, threads: Int?
  ) throws(OptimizerError) -> Optimizer {
    func make(_ options: some UpdateRule) throws(OptimizerError) -> Optimizer {
      try RuleOptimizer(parameters, options: options, backend: backend, threads: threads)
    }
    return try make(options)
  }

  /// The settings as JSON, one text for each name of the reference's.
  var descriptions: [String: String] {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      let values = try JSONSerialization.jsonObject(with: encoder.encode(options)) as? [String: Any] ?? [:]
      return try values.mapValues { value in
        let data = try JSONSerialization.data(withJSONObject: value, options: .fragmentsAllowed)
        return String(decoding: data, as: UTF8.self)
      }
    }
  }
}

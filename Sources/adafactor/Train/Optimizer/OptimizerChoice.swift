import Foundation
import Optimizers
import Tensors

/// The optimizers that the tool knows.
enum OptimizerKind: String, CaseIterable, Encodable {
  case adafactor, adamw
}

/// An optimizer with its settings.
enum OptimizerChoice: Equatable {
  case adafactor(Adafactor.Options)
  case adamw(AdamW.Options)

  var kind: OptimizerKind {
    switch self {
    case .adafactor: .adafactor
    case .adamw: .adamw
    }
  }

  /// How steps round into 16-bit parameters.
  var rounding: Rounding {
    switch self {
    case .adafactor(let options): options.rounding
    case .adamw(let options): options.rounding
    }
  }

  /// The optimizer of these parameters.
  func make(
    _ parameters: [Parameter], backend: Backend, threads: Int?
  ) throws(OptimizerError) -> any TrainingOptimizer {
    switch self {
    case .adafactor(let options):
      try Adafactor(parameters, options: options, backend: backend, threads: threads)
    case .adamw(let options): try AdamW(parameters, options: options, backend: backend, threads: threads)
    }
  }

  /// The settings as JSON, one text for each name of the reference's.
  var descriptions: [String: String] {
    get throws {
      let options: any Encodable =
        switch self {
        case .adafactor(let options): options
        case .adamw(let options): options
        }
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

/// An optimizer that a training can be saved with.
protocol TrainingOptimizer: Optimizer, RestorableOptimizer {
  /// Threads that a step uses at the most.
  var threads: Int { get }
}

extension Adafactor: TrainingOptimizer {}
extension AdamW: TrainingOptimizer {}

import Foundation
import Optimizers
import Tensors
import TestSupport

/// The reference's numbers in Reference/training. Its README describes them.
enum TrainingReference {
  struct Clipping: Decodable {
    let shapes: [String: [Int]]
    let norms: [Norm]
    let values: [Values]

    struct Norm: Decodable {
      let maximum: Double
      let normType: String
      let gradients: [String: Base64Floats]
      let norm: RecordedNumber
      let clipped: [String: Base64Floats]

      var kind: GradientNorm {
        switch normType {
        case "2.0": .euclidean
        case "inf": .infinity
        default: .p(Double(normType)!)
        }
      }
    }

    struct Values: Decodable {
      let maximum: Double
      let gradients: [String: Base64Floats]
      let clipped: [String: Base64Floats]
    }
  }

  struct Scaler: Decodable {
    let cases: [Case]

    struct Case: Decodable {
      let settings: Settings
      let stateNames: [String]
      let updates: [Update]
    }

    struct Settings: Decodable {
      let init_scale: Double?
      let growth_factor: Double?
      let backoff_factor: Double?
      let growth_interval: Int?

      var state: LossScaler.State {
        var state = LossScaler.State()
        state.scale = init_scale.map { Double(Float($0)) } ?? state.scale
        state.growthFactor = growth_factor ?? state.growthFactor
        state.backoffFactor = backoff_factor ?? state.backoffFactor
        state.growthInterval = growth_interval ?? state.growthInterval
        return state
      }
    }

    struct Update: Decodable {
      let finite: Bool
      let scale: Double
      let growthTracker: Int
    }
  }

  struct Loop: Decodable {
    let maximum: Double?
    let scaled: Bool
    let initial: [ReferenceCase.Initial]
    let steps: [Step]

    struct Step: Decodable {
      let microBatches: [MicroBatch]
      let norm: RecordedNumber?
      let gradients: [String: Base64Floats]
      let scale: Double
      let parameters: [String: Base64Floats]
    }

    struct MicroBatch: Decodable {
      let tokens: Double
      let gradients: [String: Base64Floats]
    }
  }

  static func load<Content: Decodable>(_ name: String, as type: Content.Type) throws -> Content {
    let file = ReferenceCase.directory.appending(path: "training/\(name).json")
    return try JSONDecoder().decode(type, from: Data(contentsOf: file))
  }
}

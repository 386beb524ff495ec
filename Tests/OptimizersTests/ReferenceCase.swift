import Foundation
import Optimizers
import Tensors

/// A trajectory of the reference: Reference/README.md says what its entries are.
struct ReferenceCase: Decodable, Sendable {
  let groups: [Group]
  let initialStates: [String: State]?
  let steps: [Step]
  let record: [Record]
  let states: [StateRecord]

  struct Group: Decodable {
    let options: Adafactor.Options
    let parameters: [Initial]
  }

  struct Initial: Decodable {
    let name: String
    let shape: [Int]
    let initial: Base64Floats
  }

  struct Step: Decodable {
    let gradients: [String: Base64Floats?]
    let optionChanges: [OptionChange]?
  }

  /// Options that a test or scheduler sets between steps.
  struct OptionChange: Decodable {
    let group: Int
    let lr: Double?
    let eps: [Double]?
    let clip_threshold: Double?
    let decay_rate: Double?
    let weight_decay: Double?
    let scale_parameter: Bool?
    let beta1: Double?

    func apply(to options: inout Adafactor.Options) {
      if let lr { options.stepSize = .fixed(lr) }
      if let eps { (options.squaredGradientEpsilon, options.parameterScaleEpsilon) = (eps[0], eps[1]) }
      if let clip_threshold { options.clipThreshold = clip_threshold }
      if let decay_rate { options.decayRate = decay_rate }
      if let weight_decay { options.weightDecay = weight_decay }
      if let scale_parameter { options.scaleParameter = scale_parameter }
      if let beta1 { options.beta1 = beta1 }
    }
  }

  struct Record: Decodable {
    let step: Int
    let parameters: [String: Base64Floats]
    let stepSizes: [String: NumberOrNaN]
  }

  struct StateRecord: Decodable {
    let afterStep: Int
    let parameters: [String: State]
  }

  struct State: Decodable {
    let step: Int
    let RMS: NumberOrNaN?
    let exp_avg_sq_row: Moments?
    let exp_avg_sq_col: Moments?
    let exp_avg_sq: Moments?
    let exp_avg: Moments?

    var state: Adafactor.State {
      Adafactor.State(
        step: step, rowMoments: exp_avg_sq_row?.tensor, columnMoments: exp_avg_sq_col?.tensor,
        secondMoments: exp_avg_sq?.tensor, firstMoments: exp_avg?.tensor, rootMeanSquare: RMS?.value)
    }
  }

  struct Moments: Decodable {
    let shape: [Int]
    let data: Base64Floats

    var tensor: Tensor { Tensor(data.values, shape: Shape(shape)) }
  }
}

/// Little-endian Float32 values in base64.
struct Base64Floats: Decodable {
  let values: [Float]

  init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    let data = Data(base64Encoded: text)!
    values = stride(from: 0, to: data.count, by: 4).map { offset in
      Float(bitPattern: data[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
    }
  }
}

/// A number, or the string "NaN".
struct NumberOrNaN: Decodable {
  let value: Double

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    value = try (try? container.decode(Double.self)) ?? Double(container.decode(String.self))!
  }
}

extension ReferenceCase {
  /// The names of all trajectories.
  static let names: [String] = {
    let files = try! FileManager.default.contentsOfDirectory(
      at: directory.appending(path: "adafactor"), includingPropertiesForKeys: nil)
    return files.map { $0.deletingPathExtension().lastPathComponent }.sorted()
  }()

  /// Where the reference's files are.
  static let directory = Bundle.module.resourceURL!.appending(path: "Reference")

  /// The trajectory of this name.
  static func load(_ name: String) throws -> ReferenceCase {
    let file = directory.appending(path: "adafactor/\(name).json")
    return try JSONDecoder().decode(ReferenceCase.self, from: Data(contentsOf: file))
  }
}

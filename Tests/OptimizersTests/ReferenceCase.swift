import Foundation
import Optimizers
import Tensors
import TestSupport

/// Trajectories of Adafactor.
typealias ReferenceCase = Trajectory<AdafactorOptions>

/// A trajectory of the reference. Reference/README.md describes its entries.
struct Trajectory<Rule: ReferenceRule>: Decodable, Sendable {
  let groups: [Group]
  let initialStates: [String: Rule.RecordedState]?
  let steps: [Step]
  let record: [Record]
  let states: [StateRecord]

  struct Group: Decodable {
    let options: Rule
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
    let change: Rule.RecordedChange

    init(from decoder: any Decoder) throws {
      group = try decoder.container(keyedBy: Keys.self).decode(Int.self, forKey: .group)
      change = try Rule.RecordedChange(from: decoder)
    }

    enum Keys: CodingKey { case group }
  }

  struct Record: Decodable {
    let step: Int
    let parameters: [String: Base64Floats]
    /// 16-bit parameters before they were rounded.
    let unrounded: [String: Base64Floats]?
    /// α of every parameter, if the reference has it.
    let stepSizes: [String: RecordedNumber]?
    /// The parameters in evaluation mode, if the reference has it.
    let evaluation: [String: Base64Floats]?
  }

  struct StateRecord: Decodable {
    let afterStep: Int
    let parameters: [String: Rule.RecordedState]
  }
}

/// Moments of a state.
struct RecordedMoments: Decodable {
  let shape: [Int]
  let data: Base64Floats

  var tensor: Tensor { Tensor(data.values, shape: Shape(shape)) }
}

/// The directory of the reference's files.
private let referenceDirectory = Bundle.module.resourceURL!.appending(path: "Reference")

extension Trajectory {
  /// The names of all trajectories.
  static var names: [String] {
    let files = try! FileManager.default.contentsOfDirectory(
      at: directory.appending(path: Rule.folder), includingPropertiesForKeys: nil)
    return files.map { $0.deletingPathExtension().lastPathComponent }.sorted()
  }

  /// The directory of the reference's files.
  static var directory: URL { referenceDirectory }

  /// Loads the trajectory of this name.
  static func load(_ name: String, in folder: String = Rule.folder) throws -> Trajectory {
    let file = directory.appending(path: "\(folder)/\(name).json")
    return try JSONDecoder().decode(Trajectory.self, from: Data(contentsOf: file))
  }
}

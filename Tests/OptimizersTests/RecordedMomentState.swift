import Foundation
import Optimizers
import Tensors
import TestSupport

/// A recorded state of named tensors, for rules with a `MomentState`.
struct RecordedMomentState: RecordedStateOf {
  let step: Int
  let moments: [String: RecordedMoments]

  init(from decoder: any Decoder) throws {
    let parts = try decoder.container(keyedBy: Name.self)
    step = try parts.decode(Int.self, forKey: Name("step"))
    moments = try Dictionary(
      uniqueKeysWithValues: parts.allKeys.filter { $0.stringValue != "step" }.map {
        ($0.stringValue, try parts.decode(RecordedMoments.self, forKey: $0))
      })
  }

  var state: MomentState {
    MomentState(step: step, tensors: moments.mapValues { $0.tensor }, numbers: [:])
  }

  func pairs(with ours: MomentState) -> RecordedPairs {
    let all = Set(moments.keys).union(ours.tensors.keys).sorted().map {
      (name: $0, ours: ours.tensors[$0], theirs: moments[$0])
    }
    // Nothing cancels in averages of squares.
    func isPositive(_ recorded: RecordedMoments?) -> Bool {
      recorded?.data.values.allSatisfy { $0 >= 0 || $0.isNaN } ?? true
    }
    return RecordedPairs(
      step: (ours.step, step), positive: all.filter { isPositive($0.theirs) },
      signed: all.filter { !isPositive($0.theirs) })
  }
}

/// Changed options under the names in the rule's settings.
struct RecordedSettings<Options: Codable & Sendable>: RecordedChangeOf {
  private let settings: [String: Setting]

  init(from decoder: any Decoder) throws {
    settings = try [String: Setting](from: decoder).filter { $0.key != "group" }
  }

  func apply(to options: inout Options) {
    var all = try! JSONDecoder().decode([String: Setting].self, from: JSONEncoder().encode(options))
    all.merge(settings) { $1 }
    options = try! JSONDecoder().decode(Options.self, from: JSONEncoder().encode(all))
  }

  private enum Setting: Codable {
    case flag(Bool)
    case number(Double)
    case numbers([Double])
    case text(String)
    case none

    init(from decoder: any Decoder) throws {
      let value = try decoder.singleValueContainer()
      if value.decodeNil() {
        self = .none
      } else if let flag = try? value.decode(Bool.self) {
        self = .flag(flag)
      } else if let number = try? value.decode(Double.self) {
        self = .number(number)
      } else if let numbers = try? value.decode([Double].self) {
        self = .numbers(numbers)
      } else {
        self = .text(try value.decode(String.self))
      }
    }

    func encode(to encoder: any Encoder) throws {
      var value = encoder.singleValueContainer()
      switch self {
      case .flag(let flag): try value.encode(flag)
      case .number(let number): try value.encode(number)
      case .numbers(let numbers): try value.encode(numbers)
      case .text(let text): try value.encode(text)
      case .none: try value.encodeNil()
      }
    }
  }
}

extension ReferenceRule where State == MomentState {
  typealias RecordedState = RecordedMomentState
  typealias RecordedChange = RecordedSettings<Self>
}

private struct Name: CodingKey {
  let stringValue: String
  let intValue: Int? = nil
  init(_ name: String) { stringValue = name }
  init?(stringValue: String) { self.init(stringValue) }
  init?(intValue: Int) { nil }
}

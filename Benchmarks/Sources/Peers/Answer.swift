import Foundation
import Tensors
import Workloads

/// The answer to a command: `{}` if it was carried out and returns nothing.
struct Answer: Encodable {
  /// The reason why the command was not carried out.
  var error: String?
  /// The time of `first` or `run` in seconds, for all of its steps.
  var seconds: Double?
  /// The size of the optimizer's state in bytes, after `first`.
  var stateBytes: Int?
  /// The answer to `list`.
  var list: List?

  /// The workloads and backends that can be measured.
  struct List: Encodable {
    struct Work: Encodable {
      let id: String
      let name: String
      let shapes: [[Int]]
    }

    let workloads: [Work]
    /// The backends of the build, the default of optimizers first.
    let backends: [Backend]

    static var current: List {
      List(
        workloads: Workload.all.map { Work(id: $0.id, name: $0.name, shapes: $0.shapes.map(\.dimensions)) },
        backends: [.defaultForOptimizers] + Backend.available.filter { $0 != .defaultForOptimizers })
    }
  }

  /// Writes the answer as one line to standard output.
  func send() {
    do {
      let line = try JSONEncoder().encode(self) + Data("\n".utf8)
      try FileHandle.standardOutput.write(contentsOf: line)
    } catch {
      // The program that sent the command is gone.
      exit(1)
    }
  }
}

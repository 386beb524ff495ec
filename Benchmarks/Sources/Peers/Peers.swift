import Foundation
import Optimizers
import Tensors
import Workloads

/// Reads commands from standard input, one JSON object per line, and answers each with one line: see
/// ``Command`` and ``Answer``. The measured code runs only during a command, so that other programs can take
/// turns.
@main
enum Peers {
  static func main() {
    var subject: Subject?
    while let line = readLine() {
      var answer = Answer()
      do {
        switch try JSONDecoder().decode(Command.self, from: Data(line.utf8)) {
        case .list: answer.list = .current
        case .prepare(let settings): subject = try Subject(settings)
        case .first:
          answer.seconds = try require(subject).first()
          answer.stateBytes = try require(subject).stateByteCount
        case .run(let steps): answer.seconds = try require(subject).run(steps)
        case .write(let path): try require(subject).write(to: path)
        case .release: subject = nil
        }
      } catch {
        answer.error = "\(error)"
      }
      answer.send()
    }
  }

  private static func require(_ subject: Subject?) throws -> Subject {
    guard let subject else { throw CommandError(description: "Nothing is prepared: send `prepare` first.") }
    return subject
  }
}

/// The reason why a command cannot be carried out.
struct CommandError: Error, CustomStringConvertible {
  let description: String
}

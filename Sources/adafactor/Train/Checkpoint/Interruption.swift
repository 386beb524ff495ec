import Dispatch
import Foundation
import Synchronization

/// Turns Ctrl-C into a flag, so that a training can save before it ends.
///
/// Dispatch hands the signal to an ordinary thread: no code of ours runs in a signal's handler. A second
/// Ctrl-C ends the process at once.
final class Interruption: Sendable {
  private let flag = Atomic<Bool>(false)

  var isRequested: Bool { flag.load(ordering: .relaxed) }

  /// Runs `body` with SIGINT turned into the flag.
  static func withHandling<Result>(_ body: (Interruption) throws -> Result) rethrows -> Result {
    let interruption = Interruption()
    // Darwin's Dispatch does not keep the signal from ending the process.
    signal(SIGINT, SIG_IGN)
    let source = DispatchSource.makeSignalSource(
      signal: SIGINT, queue: DispatchQueue(label: "interruption", qos: .userInitiated))
    source.setEventHandler {
      interruption.flag.store(true, ordering: .relaxed)
      signal(SIGINT, SIG_DFL)
    }
    source.resume()
    defer {
      source.cancel()
      signal(SIGINT, SIG_DFL)
    }
    return try body(interruption)
  }
}

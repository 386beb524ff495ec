import Dispatch
import Foundation
import Synchronization

/// Turns Ctrl-C (SIGINT) and SIGTERM into a flag, so that a training run can save before it ends.
///
/// Dispatch hands the signals to an ordinary thread: none of our code runs in a signal handler. A second
/// signal ends the process at once.
final class Interruption: Sendable {
  /// The signal that came first, or 0.
  private let first = Atomic<Int32>(0)

  /// The signal that asked the run to stop, or `nil` if there was none.
  var signalNumber: Int32? {
    let number = first.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  private static let signals = [SIGINT, SIGTERM]

  /// Runs `body` while signals set the flag.
  static func withHandling<Result>(_ body: (Interruption) throws -> Result) rethrows -> Result {
    let interruption = Interruption()
    let queue = DispatchQueue(label: "interruption", qos: .userInitiated)
    let sources = signals.map { number in
      // Darwin's Dispatch does not prevent the signal from ending the process.
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler {
        _ = interruption.first.compareExchange(expected: 0, desired: number, ordering: .relaxed)
        for number in signals { signal(number, SIG_DFL) }
      }
      source.resume()
      return source
    }
    defer {
      for (source, number) in zip(sources, signals) {
        source.cancel()
        signal(number, SIG_DFL)
      }
    }
    return try body(interruption)
  }
}

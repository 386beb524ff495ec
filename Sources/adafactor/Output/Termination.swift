import Dispatch
import Foundation
import Safetensors

/// The termination of the process by a signal.
enum Termination {
  private nonisolated(unsafe) static var sources: [any DispatchSourceSignal] = []

  /// Arranges that a signal that ends this process first removes its unfinished files, or waits until files
  /// that are just being replaced are in place.
  ///
  /// Dispatch hands the signal to an ordinary thread: none of our code runs in a signal handler.
  static func removeTemporaryFiles() {
    for number in [SIGINT, SIGTERM, SIGHUP] {
      let previous = signal(number, SIG_IGN)
      // An ignored signal stays ignored, such as SIGHUP under nohup.
      if unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) { continue }
      let source = DispatchSource.makeSignalSource(
        signal: number, queue: DispatchQueue(label: "termination", qos: .userInitiated))
      source.setEventHandler {
        TemporaryFiles.removeAll {
          signal(number, SIG_DFL)
          // Dispatch blocks the signal in its threads, and perhaps in all: this thread takes it.
          var set = sigset_t()
          sigemptyset(&set)
          sigaddset(&set, number)
          pthread_sigmask(SIG_UNBLOCK, &set, nil)
          pthread_kill(pthread_self(), number)
          _exit(128 + number)
        }
      }
      source.resume()
      sources.append(source)
    }
  }
}

import Foundation

/// Shows on standard error how far a run is: on a terminal one line that changes, elsewhere a line an epoch.
struct ProgressDisplay {
  let isQuiet: Bool
  /// What each line begins with, where several runs follow each other.
  let label: String?
  var isTerminal = isatty(STDERR_FILENO) == 1
  var write = { (text: String) in FileHandle.standardError.write(Data(text.utf8)) }
  private var lastShown = Duration.zero
  private var lastEpoch: EpochResult?

  /// Between two changes of the line.
  private static let interval = Duration.milliseconds(100)

  init(isQuiet: Bool, label: String? = nil) {
    self.isQuiet = isQuiet
    self.label = label
  }

  mutating func show(_ progress: TrainingProgress) {
    lastEpoch = progress.finished ?? lastEpoch
    if isQuiet { return }
    if isTerminal {
      guard progress.elapsed - lastShown >= Self.interval || progress.stepsDone == progress.steps else {
        return
      }
      lastShown = progress.elapsed
      // Back to the line's start, and erase it.
      write("\r\u{1B}[2K" + line(progress))
    } else if progress.finished != nil {
      write(line(progress) + "\n")
    }
  }

  /// Leaves the last line where it is, if there is one.
  func finish() {
    if !isQuiet, isTerminal, lastShown > .zero { write("\n") }
  }

  private func line(_ progress: TrainingProgress) -> String {
    var parts = label.map { [$0] } ?? []
    parts += ["epoch \(progress.epoch)/\(progress.epochs)", String(format: "loss %.4f", progress.loss)]
    if let lastEpoch { parts.append(String(format: "test accuracy %.1f %%", 100 * lastEpoch.testAccuracy)) }
    parts.append(
      String(format: "%.1f s, %.1f s left", progress.elapsed.seconds, progress.timeLeft.seconds))
    return parts.joined(separator: "  ")
  }
}

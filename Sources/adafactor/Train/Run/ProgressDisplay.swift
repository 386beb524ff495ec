import Foundation

/// Shows on standard error how far a run is: on a terminal one line that changes, elsewhere a line an epoch.
struct ProgressDisplay {
  let isQuiet: Bool
  /// What each line begins with, where several runs follow each other.
  let label: String?
  var isTerminal = isatty(STDERR_FILENO) == 1
  var write = { (text: String) in StandardStreams.report(text) }
  /// The columns of the terminal, which may change during a run.
  var columns = { Terminal.columns(of: STDERR_FILENO) }
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
      // Back to the line's start, and erase it. A line that fills the last column may already start the next one.
      write("\r\u{1B}[2K" + line(progress, width: max(1, columns() - 1)))
    } else if progress.finished != nil {
      write(line(progress) + "\n")
    }
  }

  /// Leaves the last line where it is, if there is one.
  func finish() {
    if !isQuiet, isTerminal, lastShown > .zero { write("\n") }
  }

  /// The label is shortened first where the line would be longer than `width`.
  private func line(_ progress: TrainingProgress, width: Int = .max) -> String {
    var parts = ["epoch \(progress.epoch)/\(progress.epochs)", String(format: "loss %.4f", progress.loss)]
    if let lastEpoch { parts.append(String(format: "test accuracy %.1f %%", 100 * lastEpoch.testAccuracy)) }
    parts.append(
      String(format: "%.1f s, %.1f s left", progress.elapsed.seconds, progress.secondsLeft))
    let text = parts.joined(separator: "  ")
    let labelText = label.map { Self.shortened($0, to: max(1, width - text.count - 2)) + "  " } ?? ""
    return Self.shortened(labelText + text, to: width)
  }

  private static func shortened(_ text: String, to width: Int) -> String {
    text.count <= width ? text : text.prefix(width - 1) + "…"
  }
}

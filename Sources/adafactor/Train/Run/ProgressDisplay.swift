import Foundation

/// Shows the progress of a run on standard error: one changing line on a terminal, otherwise one line per
/// epoch.
struct ProgressDisplay {
  let isQuiet: Bool
  /// The text at the start of each line, if several runs follow each other.
  let label: String?
  var isTerminal = isatty(STDERR_FILENO) == 1
  var write = { (text: String) in StandardStreams.report(text) }
  /// The columns of the terminal, which may change during a run.
  var columns = { Terminal.columns(of: STDERR_FILENO) }
  private var lastShown = Duration.zero
  private var lastEpoch: EpochResult?

  /// The minimum time between two changes of the line.
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
      // Returns to the start of the line and erases it. A line that fills the last column might wrap.
      write("\r\u{1B}[2K" + line(progress, width: max(1, columns() - 1)))
    } else if progress.finished != nil {
      write(line(progress) + "\n")
    }
  }

  /// Keeps the last line on the terminal, if there is one.
  func finish() {
    if !isQuiet, isTerminal, lastShown > .zero { write("\n") }
  }

  /// Returns the line. If it would be longer than `width`, the label is shortened first.
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

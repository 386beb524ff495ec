import Foundation

/// What the tool's output is connected to.
enum Terminal {
  /// Writes a line to standard error.
  static func warn(_ text: String) { StandardStreams.report("\(text)\n") }

  /// Whether a person sees the output, rather than a file or another program.
  static var isConnected: Bool { isatty(STDOUT_FILENO) == 1 }

  /// A chart's room: the window without the lines around the curves, and colors unless NO_COLOR is set.
  static var style: LineChart.TerminalStyle {
    var style = LineChart.TerminalStyle()
    var size = winsize()
    if ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
      style.columns = min(Int(size.ws_col), 120)
      style.rows = max(6, min(24, Int(size.ws_row) - 10))
    }
    style.hasColor = isConnected && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty
    return style
  }
}

import Foundation

/// The device that the tool's output is connected to.
enum Terminal {
  /// Writes a line to standard error.
  static func warn(_ text: String) { StandardStreams.report("\(text)\n") }

  /// Whether the output goes to a terminal rather than to a file or another program.
  static var isConnected: Bool { isatty(STDOUT_FILENO) == 1 }

  /// The room for a chart: the window without the lines around the curves, and colors unless NO_COLOR is set.
  static var style: LineChart.TerminalStyle {
    var style = LineChart.TerminalStyle()
    if let size = size(of: STDOUT_FILENO) {
      style.columns = min(Int(size.ws_col), 120)
      style.rows = max(6, min(24, Int(size.ws_row) - 10))
    }
    style.hasColor = isConnected && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty
    return style
  }

  /// Returns the columns of the terminal that `descriptor` belongs to, or 80.
  static func columns(of descriptor: Int32) -> Int { size(of: descriptor).map { Int($0.ws_col) } ?? 80 }

  /// The columns that a report may take: the width of the terminal, or any number for files and other
  /// programs.
  static var reportWidth: Int { isConnected ? columns(of: STDOUT_FILENO) : .max }

  private static func size(of descriptor: Int32) -> winsize? {
    var size = winsize()
    return ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? size : nil
  }
}

import Schedules

/// The text of `adafactor schedule --list`.
enum ScheduleList {
  static var text: String {
    let own = ScheduleCatalog.entries.filter { SchedulerType(rawValue: $0.name) == nil }
    let theirs = ScheduleCatalog.entries.filter { SchedulerType(rawValue: $0.name) != nil }
    return section("Schedules from transformers, with its options:", theirs)
      + section("More schedules; --warmup-steps adds a warmup to those without their own:", own)
  }

  private static func section(_ title: String, _ entries: [ScheduleCatalog.Entry]) -> String {
    title + "\n\n" + entries.map(describe).joined(separator: "\n") + "\n"
  }

  private static func describe(_ entry: ScheduleCatalog.Entry) -> String {
    var notes: [String] = []
    if !entry.requiredCounts.isEmpty { notes.append("uses \(entry.requiredCounts.joined(separator: ", "))") }
    if entry.followsMetric { notes.append("follows a metric: needs --metrics") }
    let note = notes.isEmpty ? "" : " (\(notes.joined(separator: "; ")))"
    let options = entry.options.map { option in
      let value = option.defaultValue == .null ? "" : "=\(option.defaultValue)"
      let name = option.name + value
      let padding = String(repeating: " ", count: max(0, 23 - name.count))
      return wrapped(option.meaning, after: "    \(name)\(padding)")
    }
    return wrapped(entry.summary + note, after: "  \(entry.name):", indent: 6) + options.joined()
  }

  /// Returns `text` in lines of at most 80 columns.
  ///
  /// - Parameters:
  ///   - label: The start of the first line.
  ///   - indent: The number of spaces before the other lines, or `nil` for as many as the label is long.
  private static func wrapped(_ text: String, after label: String, indent: Int? = nil) -> String {
    var lines = [label]
    for word in text.split(separator: " ") {
      if lines[lines.count - 1].count + 1 + word.count > 80 {
        lines.append(String(repeating: " ", count: indent.map { $0 - 1 } ?? label.count))
      }
      lines[lines.count - 1] += " " + word
    }
    return lines.map { $0 + "\n" }.joined()
  }
}

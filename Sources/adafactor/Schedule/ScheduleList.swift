import Schedules

/// The text of `adafactor schedule --list`.
enum ScheduleList {
  static var text: String {
    let own = ScheduleCatalog.entries.filter { SchedulerType(rawValue: $0.name) == nil }
    let theirs = ScheduleCatalog.entries.filter { SchedulerType(rawValue: $0.name) != nil }
    return section("Schedules from transformers, with its options:", theirs)
      + section(
        "More schedules; --warmup-steps adds a warmup to schedules without one of their own:", own)
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
      return "    \(name)\(String(repeating: " ", count: max(1, 28 - name.count)))\(option.meaning)\n"
    }
    return "  \(entry.name): \(entry.summary)\(note)\n" + options.joined()
  }
}

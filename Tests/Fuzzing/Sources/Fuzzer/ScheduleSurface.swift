import Foundation
import Schedules

@testable import AdafactorTool

/// Runs `adafactor schedule` for at most 60 steps. The rates that are written must be finite and not
/// negative.
func runSchedule(_ command: ScheduleCommand, in place: Workplace) throws {
  var command = command
  command.steps = command.steps.map { min($0, 60) }
  command.output = place.path("rates")
  if command.metrics != nil { command.metrics = place.path("metrics") }
  try command.validate()
  try command.run()
  guard command.format == .csv, !command.list else { return }
  for line in String(decoding: try place.read("rates"), as: UTF8.self).split(separator: "\n").dropFirst() {
    for field in line.split(separator: ",").dropFirst() {
      guard let rate = Double(field), rate >= 0, rate.isFinite else { fatalError("the rates \(line)") }
    }
  }
}

/// Files of metrics for `adafactor schedule`. The first byte of an input chooses the schedule and its options.
final class MetricsSurface: Surface {
  private let place: Workplace

  init(_ place: Workplace) throws { self.place = place }

  var seeds: [[UInt8]] {
    (0..<8).map { [UInt8($0)] + Array("1.5\n1.25\r\n\n1.25\r 2e0 \n0.5\n-1\n0.75\n0.75\n0.75\n".utf8) }
  }

  func check(_ input: [UInt8]) throws {
    guard let choice = input.first.map({ Int($0) }) else { return }
    try place.write(input.dropFirst(), "metrics")
    let name = choice & 1 == 0 ? "greedy" : "reduce_lr_on_plateau"
    let options = choice & 2 == 0 ? [] : ["--option", "threshold_mode=abs", "--option", "mode=max"]
    let patience = choice & 4 == 0 ? [] : ["--option", "patience=0", "--option", "factor=0.5"]
    try runSchedule(
      try ScheduleCommand.parse(
        [name, "--lr", "0.1", "--steps", "8", "--metrics", "m", "--format", "csv"] + options + patience),
      in: place)
  }
}

/// Options of `adafactor schedule`, one word of the command line per line.
final class ScheduleSurface: Surface {
  private let place: Workplace

  init(_ place: Workplace) throws {
    self.place = place
    try place.write((0..<60).map { "\(1 / Double($0 + 1))" }.joined(separator: "\n").utf8, "metrics")
  }

  /// Every schedule with its default options, or with values for options without a default.
  var seeds: [[UInt8]] {
    let required = [
      "timescale": "10", "min_lr": "0.01", "min_lr_rate": "0.1", "warmup_lr_rate": "0.1",
      "num_decay_steps": "5",
      "num_stable_steps": "5", "gamma": "0.9", "step_size": "3", "milestones": "3,6", "T_0": "4",
      "steps": "0,5,9",
      "multipliers": "1,0.5,0.1", "schedules": "linear,cosine", "boundaries": "10",
    ]
    return ScheduleCatalog.entries.map { entry in
      let options = entry.options.filter { $0.name != "min_lr_rate" }.flatMap { option in
        let value = option.defaultValue == .null ? required[option.name] : "\(option.defaultValue)"
        return value.map { ["--option", "\(option.name)=\($0)"] } ?? []
      }
      let warmup = entry.requiredCounts.contains("num_warmup_steps") ? ["--warmup-steps", "2"] : []
      let metrics = entry.followsMetric ? ["--metrics", "m"] : []
      let words =
        [entry.name, "--lr", "0.1", "--steps", "20", "--training-steps", "20", "--format", "csv"] + options
        + warmup
        + metrics
      return Array(words.joined(separator: "\n").utf8)
    }
  }

  var words: [String] {
    ScheduleCatalog.entries.flatMap { [$0.name] + $0.options.map(\.name) } + [
      "--option", "--lr", "--steps", "--warmup-steps", "--training-steps", "--metrics", "--logarithmic",
      "--format",
      "table", "csv", "json", "svg", "plot", "cos", "1-sqrt", "power", "rel", "abs", "min", "max",
    ]
  }

  func check(_ input: [UInt8]) throws {
    try runSchedule(
      try ScheduleCommand.parse(AdafactorCommand.joiningNegativeValues(commandLine(input))), in: place)
  }

  func message(_ error: any Error) -> String { ScheduleCommand.fullMessage(for: error) }
}

/// Returns the words of a command line, one per line.
func commandLine(_ input: [UInt8]) -> [String] {
  input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
    String(decoding: $0, as: UTF8.self)
  }
}

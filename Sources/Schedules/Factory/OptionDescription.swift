/// An option of a schedule: its name, default and meaning.
package struct OptionDescription: Sendable {
  /// The name, which is also the coding key: the name of the reference's argument if the reference has it.
  package let name: String
  /// The value if the option isn't given; `null` for an option that is required or may be missing.
  package let defaultValue: ScheduleOption
  /// The meaning, in a few words.
  package let meaning: String

  init(_ name: String, _ defaultValue: ScheduleOption, _ meaning: String) {
    self.name = name
    self.defaultValue = defaultValue
    self.meaning = meaning
  }
}

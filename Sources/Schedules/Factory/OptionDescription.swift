/// An option of a schedule: its name, default and meaning.
package struct OptionDescription: Sendable {
  /// The name, which is also the coding key. It is the name of the reference's argument if there is one.
  package let name: String
  /// The value if the option is omitted; `null` if the option is required or has no default.
  package let defaultValue: ScheduleOption
  /// A short description.
  package let meaning: String

  init(_ name: String, _ defaultValue: ScheduleOption, _ meaning: String) {
    self.name = name
    self.defaultValue = defaultValue
    self.meaning = meaning
  }
}

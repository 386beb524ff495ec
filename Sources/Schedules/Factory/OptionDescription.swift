/// An option of a schedule: its name, type, default and meaning.
package struct OptionDescription: Sendable {
  /// The types that an option can have.
  package enum Kind: String, Sendable {
    /// A whole number.
    case integer = "a whole number"
    /// A number.
    case number = "a number"
    /// True or false.
    case boolean = "true or false"
    /// A text.
    case text = "a text"
    /// Whole numbers.
    case integers = "a list of whole numbers"
    /// Numbers.
    case numbers = "a list of numbers"
    /// One number for all parameter groups, or one a group.
    case numberPerGroup = "a number, or a list with one a parameter group"
    /// Texts.
    case texts = "a list of texts"
  }

  /// The name; that of the reference's argument where the reference has it.
  package let name: String
  /// The type.
  package let kind: Kind
  /// The value where the option is not given; `null` where the schedule then does without or decides itself.
  package let defaultValue: ScheduleOption
  /// What it means, in a few words.
  package let meaning: String

  init(_ name: String, _ kind: Kind, _ defaultValue: ScheduleOption, _ meaning: String) {
    self.name = name
    self.kind = kind
    self.defaultValue = defaultValue
    self.meaning = meaning
  }
}

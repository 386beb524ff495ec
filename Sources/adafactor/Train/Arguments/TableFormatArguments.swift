import ArgumentParser

/// The options for a table's format, which `train` and `predict` share.
struct TableFormatArguments: ParsableArguments {
  @Option(
    help: """
      Whether the first line holds the columns' names. (default: yes if none of its fields is a number)
      """)
  var header: Choice?

  @Option(
    help: ArgumentHelp("The character between fields, or the word tab. (default: ,)", valueName: "character"),
    transform: { try delimiter($0) })
  var delimiter: UInt8?

  @Option(help: "Skips rows that lack a value. (default: a missing value is an error)")
  var missing: Remedy?

  enum Choice: String, ExpressibleByArgument, CaseIterable { case yes, no }

  enum Remedy: String, ExpressibleByArgument, CaseIterable { case drop }

  /// The names of the options that were given.
  var given: [String] {
    [("--header", header != nil), ("--delimiter", delimiter != nil), ("--missing", missing != nil)]
      .filter(\.1).map(\.0)
  }

  func format(_ choice: TableColumns.Choice) -> Table.Format {
    Table.Format(
      choice: choice, hasHeader: header.map { $0 == .yes }, delimiter: delimiter ?? UInt8(ascii: ","),
      dropsMissing: missing == .drop)
  }

  private static func delimiter(_ argument: String) throws -> UInt8 {
    let bytes = argument == "tab" ? [UInt8(ascii: "\t")] : Array(argument.utf8)
    guard bytes.count == 1, !"\"\r\n .".utf8.contains(bytes[0]) else {
      throw ValidationError(
        "A delimiter is one ASCII character other than a quote, a space or a period, or the word tab.")
    }
    return bytes[0]
  }
}

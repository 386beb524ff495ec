import Testing

/// Expects that a process that trapped has named these values.
///
/// Builds without DEBUG trap without the message: there it is enough that they do.
func expectMessage(of result: ExitTest.Result?, toContain parts: String...) throws {
  #if DEBUG
    let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    for part in parts { #expect(message.contains(part)) }
  #endif
}

import Testing

/// Expects that the message of a process that trapped contains these texts.
///
/// Builds without DEBUG trap without the message, so this checks nothing there.
package func expectMessage(of result: ExitTest.Result?, toContain parts: String...) throws {
  #if DEBUG
    let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    for part in parts { #expect(message.contains(part)) }
  #endif
}

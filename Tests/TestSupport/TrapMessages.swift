import Testing

/// Expects that the message of a process that trapped contains these texts, in release builds too.
package func expectMessage(of result: ExitTest.Result?, toContain parts: String...) throws {
  let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
  for part in parts { #expect(message.contains(part)) }
}

import Synchronization

/// The sessions that no call uses at the moment, and the options of the last calls.
///
/// A call never waits for a lock. If another thread holds it, the call makes its own session: in the child of a fork that
/// thread doesn't exist and would never release the lock.
enum SessionPool {
  /// The sessions, the one that was used last at the end.
  private static let sessions = Mutex<[Kept<StepSession>]>([])
  private static let options = Mutex<[Kept<OptionsOfText>]>([])

  private static let mostSessions = 256
  /// About 1 KB each.
  private static let mostTensors = 50_000
  private static let mostOptions = 64

  /// A value that belongs to the pool, or to one call.
  private struct Kept<Value>: @unchecked Sendable {
    let value: Value
  }

  private struct OptionsOfText {
    let type: ObjectIdentifier
    let json: String?
    let rule: any InterfaceRule
  }

  /// Takes the session of the last call with this key and this parameter; nil if there is none.
  static func take(
    _ key: StepSession.Key, firstParameter: UnsafeMutableRawPointer?
  ) -> StepSession? {
    let address = firstParameter.map { UInt(bitPattern: $0) }
    let taken: Kept<StepSession>?? = sessions.withLockIfAvailable { sessions in
      func isSame(_ kept: Kept<StepSession>) -> Bool { kept.value.key == key }
      let exact = sessions.lastIndex {
        isSame($0) && $0.value.firstParameter.map { UInt(bitPattern: $0) } == address
      }
      let index = exact ?? (sessions.count < mostSessions ? nil : sessions.firstIndex(where: isSame))
      return index.map { sessions.remove(at: $0) }
    }
    return taken??.value
  }

  /// Keeps a session for the next call.
  static func keep(_ session: StepSession) {
    let kept = Kept(value: session)
    _ = sessions.withLockIfAvailable { sessions in
      sessions.append(kept)
      var tensors = sessions.reduce(0) { $0 + $1.value.key.count }
      while sessions.count > mostSessions || tensors > mostTensors && sessions.count > 1 {
        tensors -= sessions.removeFirst().value.key.count
      }
    }
  }

  /// Returns a rule with the options of a text, which are read once.
  static func rule<Rule: InterfaceRule>(_ type: Rule.Type, json: String?) throws(InterfaceError) -> Rule {
    let id = ObjectIdentifier(type)
    let known: Kept<OptionsOfText>?? = options.withLockIfAvailable { options in
      options.last { $0.value.type == id && $0.value.json == json }
    }
    if let rule = known??.value.rule as? Rule { return rule }
    let rule = try Rule(json: json)
    let kept = Kept(value: OptionsOfText(type: id, json: json, rule: rule))
    _ = options.withLockIfAvailable { options in
      options.append(kept)
      if options.count > mostOptions { options.removeFirst() }
    }
    return rule
  }
}

/// What a step does about a gradient with a NaN or an infinity, or one whose squares overflow.
public enum NonFinitePolicy: String, Sendable, Hashable, Codable, CaseIterable {
  /// The update is made all the same, and the parameter becomes NaN: what the reference does.
  case propagate
  /// The parameter and its state stay as they are; others are stepped. It costs nothing.
  case skipParameter
  /// No parameter is stepped.
  ///
  /// Every gradient is read before the first parameter is written, so none is found in the cache again.
  case skipStep
  /// No parameter is stepped, and the step throws, naming the first such parameter. It costs as `skipStep` does.
  case throwError

  /// Whether every decision must stand before the first update.
  var decidesTogether: Bool { self == .skipStep || self == .throwError }
}

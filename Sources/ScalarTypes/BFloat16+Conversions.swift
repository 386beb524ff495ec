extension BFloat16 {
  #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
    /// Creates `value` rounded to nearest, ties to even.
    @inlinable
    public init(_ value: Float16) { self.init(Float(value)) }
  #endif

  /// Creates zero.
  @inlinable
  public init() { self.init(bitPattern: 0) }
}

extension BFloat16: ExpressibleByFloatLiteral {
  /// Creates the literal, a `Double`, rounded to nearest, ties to even.
  public init(floatLiteral value: Double) { self.init(value) }
}

extension BFloat16: ExpressibleByIntegerLiteral {
  /// Creates the literal, rounded to nearest, ties to even.
  public init(integerLiteral value: Int64) {
    // Below 2⁵³ via Double, which is exact there and faster.
    if value.magnitude < 1 << 53 {
      self.init(Double(value))
    } else {
      self.init(value)
    }
  }
}

extension Float {
  /// Creates the exact value.
  @inlinable
  public init(_ value: BFloat16) { self = value.floatValue }
}

extension Double {
  /// Creates the exact value.
  @inlinable
  public init(_ value: BFloat16) { self = value.doubleValue }
}

// MARK: - Coding

extension BFloat16: Codable {
  /// Decodes a number as `Float`, and rounds it to nearest, ties to even.
  ///
  /// - Throws: `DecodingError.dataCorrupted` if a finite number is too large.
  public init(from decoder: any Decoder) throws {
    let number = try Float(from: decoder)
    self.init(number)
    if number.isFinite, isInfinite {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath,
          debugDescription: "\(number) is beyond ±\(Self.greatestFiniteMagnitude), the range of BFloat16"))
    }
  }

  /// Encodes the exact value as `Float`.
  public func encode(to encoder: any Encoder) throws {
    try floatValue.encode(to: encoder)
  }
}

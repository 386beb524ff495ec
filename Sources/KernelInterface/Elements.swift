@_exported public import ScalarTypes

/// Elements that a kernel reads: an address and a type. The caller keeps the memory alive and unchanged.
///
/// No alignment is assumed, because memory-mapped files have none.
package struct Elements: @unchecked Sendable {
  /// The first element.
  package let address: UnsafeRawPointer
  /// The type of every element.
  package let type: ScalarType

  /// Creates elements of `type` that begin at `address`.
  package init(_ address: UnsafeRawPointer, _ type: ScalarType) {
    self.address = address
    self.type = type
  }

  /// Returns the elements from index `offset`.
  package func advanced(by offset: Int) -> Elements {
    Elements(address + offset * type.byteCount, type)
  }
}

/// Elements that a kernel writes: an address and a type. No other code uses the memory at the same time.
package struct MutableElements: @unchecked Sendable {
  /// The first element.
  package let address: UnsafeMutableRawPointer
  /// The type of every element.
  package let type: ScalarType

  /// Creates elements of `type` that begin at `address`.
  package init(_ address: UnsafeMutableRawPointer, _ type: ScalarType) {
    self.address = address
    self.type = type
  }

  /// Returns the elements from index `offset`.
  package func advanced(by offset: Int) -> MutableElements {
    MutableElements(address + offset * type.byteCount, type)
  }

  /// The same elements, for reading.
  package var reading: Elements { Elements(address, type) }
}

/// Traps if a kernel receives elements of another type. This is a function so that no kernel contains the
/// message.
@inline(never)
package func failForType(_ given: ScalarType, kernel: ScalarType) -> Never {
  fatalError("a kernel for \(kernel) was given \(given)")
}

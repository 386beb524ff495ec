import KernelInterface

/// A type that kernels load from memory and store to it, by eight, at any alignment.
package protocol StoredScalar: TensorScalar {
  /// Eight elements from `address` on, converted exactly, or rounded from Double to Float.
  static func vector<A: Arithmetic>(at address: UnsafeRawPointer, as type: A.Type) -> SIMD8<A>

  /// Stores eight elements from `address` on, rounded to nearest, and returns the values stored.
  static func store<A: Arithmetic>(_ vector: SIMD8<A>, at address: UnsafeMutableRawPointer) -> SIMD8<A>
}

extension StoredScalar {
  /// Elements `offset ..< offset + valid` and zeros behind them.
  @inline(__always)
  package static func load<A: Arithmetic>(
    _ base: UnsafeRawPointer, _ offset: Int, _ valid: Int, as type: A.Type = A.self
  ) -> SIMD8<A> {
    let address = base + offset &* MemoryLayout<Self>.stride
    if valid == laneCount { return vector(at: address, as: A.self) }
    return partialVector(at: address, valid, as: A.self)
  }

  /// Stores the first `valid` lanes as elements `offset ..< offset + valid` and returns the values stored, zeros behind
  /// them.
  @inline(__always)
  package static func store<A: Arithmetic>(
    _ vector: SIMD8<A>, _ base: UnsafeMutableRawPointer, _ offset: Int, _ valid: Int
  ) -> SIMD8<A> {
    let address = base + offset &* MemoryLayout<Self>.stride
    if valid == laneCount { return store(vector, at: address) }
    return storePartial(vector, at: address, valid)
  }

  @inline(never)
  private static func partialVector<A: Arithmetic>(
    at address: UnsafeRawPointer, _ valid: Int, as type: A.Type
  ) -> SIMD8<A> {
    var elements = SIMD8<A>()
    for lane in 0..<valid {
      let element = address.loadUnaligned(fromByteOffset: lane &* MemoryLayout<Self>.stride, as: Self.self)
      elements[lane] = A.self == Double.self ? A(element.doubleValue) : A(element.floatValue)
    }
    return elements
  }

  @inline(never)
  private static func storePartial<A: Arithmetic>(
    _ vector: SIMD8<A>, at address: UnsafeMutableRawPointer, _ valid: Int
  ) -> SIMD8<A> {
    var stored = SIMD8<A>()
    for lane in 0..<valid {
      let value = vector[lane]
      let element = A.self == Double.self ? Self(value.doubleValue) : Self(value.floatValue)
      address.storeBytes(of: element, toByteOffset: lane &* MemoryLayout<Self>.stride, as: Self.self)
      stored[lane] = A.self == Double.self ? A(element.doubleValue) : A(element.floatValue)
    }
    return stored
  }
}

extension Float: StoredScalar {
  @inline(__always)
  package static func vector<A: Arithmetic>(at address: UnsafeRawPointer, as type: A.Type) -> SIMD8<A> {
    let values = address.loadUnaligned(as: SIMD8<Float>.self)
    if A.self == Float.self { return unsafeBitCast(values, to: SIMD8<A>.self) }
    return converted(values)
  }

  @inline(__always)
  package static func store<A: Arithmetic>(
    _ vector: SIMD8<A>, at address: UnsafeMutableRawPointer
  ) -> SIMD8<A> {
    if A.self == Float.self {
      address.storeBytes(of: unsafeBitCast(vector, to: SIMD8<Float>.self), as: SIMD8<Float>.self)
      return vector
    }
    let rounded: SIMD8<Float> = converted(vector)
    address.storeBytes(of: rounded, as: SIMD8<Float>.self)
    return converted(rounded)
  }
}

extension Double: StoredScalar {
  @inline(__always)
  package static func vector<A: Arithmetic>(at address: UnsafeRawPointer, as type: A.Type) -> SIMD8<A> {
    let values = address.loadUnaligned(as: SIMD8<Double>.self)
    if A.self == Double.self { return unsafeBitCast(values, to: SIMD8<A>.self) }
    return converted(values)
  }

  @inline(__always)
  package static func store<A: Arithmetic>(
    _ vector: SIMD8<A>, at address: UnsafeMutableRawPointer
  ) -> SIMD8<A> {
    let values =
      A.self == Double.self ? unsafeBitCast(vector, to: SIMD8<Double>.self) : converted(vector)
    address.storeBytes(of: values, as: SIMD8<Double>.self)
    return vector
  }
}

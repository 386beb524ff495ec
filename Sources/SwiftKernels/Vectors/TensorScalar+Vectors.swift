import KernelInterface

// Kernels load and store eight elements at a time, at any alignment. They are generic over the types that
// they load and store, and are compiled for every combination of concrete types. The comparisons of types
// below are then constants, and only one branch remains.

extension TensorScalar {
  /// Returns elements `offset ..< offset + valid`, followed by zeros.
  @inline(__always)
  static func load<A: ArithmeticScalar>(
    _ base: UnsafeRawPointer, _ offset: Int, _ valid: Int, as type: A.Type = A.self
  ) -> SIMD8<A> {
    let address = base + offset &* MemoryLayout<Self>.stride
    if valid == laneCount { return vector(at: address) }
    return partialVector(at: address, valid, as: A.self)
  }

  /// Stores the first `valid` lanes as elements `offset ..< offset + valid`. Returns the stored values,
  /// followed by zeros.
  @inline(__always)
  static func store<A: ArithmeticScalar>(
    _ vector: SIMD8<A>, _ base: UnsafeMutableRawPointer, _ offset: Int, _ valid: Int
  ) -> SIMD8<A> {
    let address = base + offset &* MemoryLayout<Self>.stride
    if valid == laneCount { return store(vector, at: address) }
    return storePartial(vector, at: address, valid)
  }

  @inline(never)
  private static func partialVector<A: ArithmeticScalar>(
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
  private static func storePartial<A: ArithmeticScalar>(
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

// MARK: Eight elements

extension TensorScalar {
  /// Returns eight elements from `address`, converted exactly, or rounded from Double to Float.
  @inline(__always)
  static func vector<A: ArithmeticScalar>(at address: UnsafeRawPointer) -> SIMD8<A> {
    if Self.self == A.self { return address.loadUnaligned(as: SIMD8<A>.self) }
    if Self.self == BFloat16.self { return widened(BFloat16.eight(at: address)) }
    #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
      if Self.self == Float16.self { return widened(Float16.eight(at: address)) }
    #endif
    if Self.self == Float.self { return converted(address.loadUnaligned(as: SIMD8<Float>.self)) }
    return converted(address.loadUnaligned(as: SIMD8<Double>.self))
  }

  /// Stores eight elements at `address`, rounded to nearest, and returns the stored values.
  @inline(__always)
  static func store<A: ArithmeticScalar>(
    _ vector: SIMD8<A>, at address: UnsafeMutableRawPointer
  ) -> SIMD8<A> {
    if Self.self == A.self {
      address.storeBytes(of: vector, as: SIMD8<A>.self)
      return vector
    }
    if Self.self == BFloat16.self { return widened(BFloat16.store(narrowed(vector), at: address)) }
    #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
      if Self.self == Float16.self { return widened(Float16.store(narrowed(vector), at: address)) }
    #endif
    if Self.self == Float.self {
      let rounded: SIMD8<Float> = converted(vector)
      address.storeBytes(of: rounded, as: SIMD8<Float>.self)
      return converted(rounded)
    }
    let exact: SIMD8<Double> = converted(vector)
    address.storeBytes(of: exact, as: SIMD8<Double>.self)
    return vector
  }
}

import KernelInterface

/// An allocator of the memory for the numbers of a step. The same code measures the memory and binds it.
///
/// A type in scratch memory takes its parts in its initializer. Given `ScratchAllocator()`, the initializer measures; given
/// an allocator with an address, it binds. This way sizes and addresses cannot diverge.
package struct ScratchAllocator {
  private var next: UnsafeMutableRawPointer
  /// The number of bytes that have been taken.
  package private(set) var byteCount = 0

  /// Creates an allocator that measures. Its addresses must not be read or written.
  package init() { next = Self.nowhere }

  /// Creates an allocator for memory at `address`, which is on a cache line.
  package init(_ address: UnsafeMutableRawPointer) { next = address }

  /// An address that is never read or written.
  private static var nowhere: UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: 64)! }

  /// Takes memory for `count` numbers in Double.
  package mutating func doubles(_ count: Int) -> UnsafeMutablePointer<Double> {
    take(count * 8).assumingMemoryBound(to: Double.self)
  }

  /// Takes memory for `count` elements of `type`.
  package mutating func elements(_ count: Int, _ type: ScalarType) -> MutableElements {
    MutableElements(take(count * type.byteCount), type)
  }

  /// Each part starts on a cache line, so that no two threads write to the same line.
  private mutating func take(_ bytes: Int) -> UnsafeMutableRawPointer {
    let taken = (bytes + 63) / 64 * 64
    defer {
      next += taken
      byteCount += taken
    }
    return next
  }
}

/// The memory that an engine keeps from step to step.
final class StepMemory {
  private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  /// Bytes held.
  var byteCount: Int { memory.count }

  /// At least `count` bytes, on a cache line.
  func reserve(_ count: Int) -> UnsafeMutableRawPointer {
    if count > memory.count || memory.baseAddress == nil {
      memory.deallocate()
      memory = .allocate(byteCount: max(64, count), alignment: 64)
    }
    return memory.baseAddress!
  }

  deinit { memory.deallocate() }
}

import CLibrary
import Synchronization

/// The memory that tensors share until one of them writes.
///
/// Unchecked: a tensor writes only if it holds the only reference, so no two threads access the memory at
/// once. Adopted memory is as safe as its owner keeps it.
package final class TensorStorage: @unchecked Sendable {
  /// The first byte. If this storage allocated the memory, the address is a multiple of 64.
  package let memory: UnsafeMutableRawPointer

  package let byteCount: Int

  /// The closure that releases adopted memory, or `nil` if this storage allocated the memory.
  private let deallocator: (@Sendable () -> Void)?

  /// Distinguishes this storage from every other one in the process, including released ones.
  private let identity = nextIdentity.wrappingAdd(1, ordering: .relaxed).oldValue

  /// The number of times that the memory was given out for writing.
  var mutationCount: UInt64 = 0

  private static let nextIdentity = Atomic<UInt64>(0)

  /// The size of a large page on x86-64, and on arm64 with pages of 4 KB.
  private static let largePage = 2 << 20
  /// The minimum size that is aligned to large pages: two of them. A step on a matrix of 64 MB took 0.72 of
  /// the time.
  private static let leastInLargePages = 2 * largePage

  /// The size of a cache line and of the widest vector.
  package static let alignment = 64

  /// Allocates uninitialized memory.
  package init(byteCount: Int) {
    let isLarge = byteCount >= Self.leastInLargePages
    memory = .allocate(byteCount: byteCount, alignment: isLarge ? Self.largePage : Self.alignment)
    #if os(Linux)
      // Only advice: without it, the result is the same, but the processor prefetches within 4 KB instead of
      // 2 MB.
      if isLarge { _ = madvise(memory, byteCount, Int32(MADV_HUGEPAGE)) }
    #endif
    self.byteCount = byteCount
    deallocator = nil
  }

  package init(
    adopting memory: UnsafeMutableRawPointer, byteCount: Int, deallocator: @escaping @Sendable () -> Void
  ) {
    self.memory = memory
    self.byteCount = byteCount
    self.deallocator = deallocator
  }

  deinit {
    if let deallocator {
      deallocator()
    } else {
      memory.deallocate()
    }
  }

  package func copy() -> TensorStorage {
    let copy = TensorStorage(byteCount: byteCount)
    copy.memory.copyMemory(from: memory, byteCount: byteCount)
    return copy
  }

  /// Whether the memory can be written only through tensors.
  package var ownsMemory: Bool { deallocator == nil }

  /// A stamp that equals an earlier one exactly if nobody got the memory for writing in between. `nil` for
  /// adopted memory, because other code may write to it.
  package var stamp: MutationStamp? {
    ownsMemory ? MutationStamp(identity: identity, count: mutationCount) : nil
  }
}

/// A state of a tensor's memory. Values derived from its elements are valid as long as the stamp is the same.
package struct MutationStamp: Equatable, Sendable {
  fileprivate let identity: UInt64
  fileprivate let count: UInt64
}

import CLibrary
import Synchronization

/// The memory that tensors share until one of them writes.
///
/// Unchecked: a tensor writes only where it holds the one reference, so that no two threads meet here. Adopted memory is
/// as safe as its owner keeps it.
package final class TensorStorage: @unchecked Sendable {
  /// The first byte: at a multiple of 64 where this storage made the memory.
  package let memory: UnsafeMutableRawPointer

  package let byteCount: Int

  /// Gives adopted memory back; `nil` where this storage made it.
  private let deallocator: (@Sendable () -> Void)?

  /// Distinguishes this storage from every other of the process, also from those that no longer exist.
  private let identity = nextIdentity.wrappingAdd(1, ordering: .relaxed).oldValue

  /// How often someone was given the memory to write.
  var mutationCount: UInt64 = 0

  private static let nextIdentity = Atomic<UInt64>(0)

  /// The size of a large page on x86-64, and on arm64 with pages of 4 KB.
  private static let largePage = 2 << 20
  /// What fills two large pages is worth an alignment of one. A step of a matrix of 64 MB took 0.72 of the time.
  private static let leastInLargePages = 2 * largePage

  /// A cache line, and the widest vector there is.
  package static let alignment = 64

  /// Memory of its own, not initialized.
  package init(byteCount: Int) {
    let isLarge = byteCount >= Self.leastInLargePages
    memory = .allocate(byteCount: byteCount, alignment: isLarge ? Self.largePage : Self.alignment)
    #if os(Linux)
      // Advice: without it everything is the same, but a processor reads ahead over 4 KB rather than 2 MB.
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

  /// Whether nobody can write but through tensors.
  package var ownsMemory: Bool { deallocator == nil }

  /// Equal to an earlier stamp exactly when nobody was given the memory to write in between; `nil` for adopted memory,
  /// whose writers are not known.
  package var stamp: MutationStamp? {
    ownsMemory ? MutationStamp(identity: identity, count: mutationCount) : nil
  }
}

/// A state of a tensor's memory: what is derived from its elements holds as long as the stamp stays the same.
package struct MutationStamp: Equatable, Sendable {
  fileprivate let identity: UInt64
  fileprivate let count: UInt64
}

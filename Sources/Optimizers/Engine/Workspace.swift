/// Memory for the numbers that a step hands from phase to phase: kept from step to step.
final class Workspace {
  private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  /// Bytes held.
  var byteCount: Int { memory.count }

  /// At least `count` bytes on a cache line.
  func reserve(_ count: Int) -> UnsafeMutableRawPointer {
    if count > memory.count || memory.baseAddress == nil {
      memory.deallocate()
      memory = .allocate(byteCount: max(64, count), alignment: 64)
    }
    return memory.baseAddress!
  }

  deinit {
    memory.deallocate()
  }
}

import CProcessor

/// Bytes ahead of those worked on that a long sweep through memory asks for.
///
/// By itself the processor asks only for what follows closely, and waits at the end of every page. So far ahead, a sweep
/// takes as long as its arithmetic or the memory's bandwidth does, not the sum of both.
let prefetchDistance = 8192

/// Asks for the cache line at an address, which need not exist.
@inline(__always)
func prefetch(_ address: UnsafeRawPointer) { processor_prefetch(address) }

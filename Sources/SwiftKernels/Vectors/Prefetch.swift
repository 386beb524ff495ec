import CProcessor

/// The distance in bytes at which a long pass through memory prefetches.
///
/// On its own, the processor prefetches only what follows closely, and waits at the end of every page. At
/// this distance, a pass takes as long as its arithmetic or the memory's bandwidth requires, not the sum of
/// both.
let prefetchDistance = 8192

/// Prefetches the cache line at an address, which need not exist.
@inline(__always)
func prefetch(_ address: UnsafeRawPointer) { processor_prefetch(address) }

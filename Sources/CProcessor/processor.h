#pragma once
#include <stdbool.h>

/// Prefetches the cache line at an address, which need not exist, into the second-level cache, so that
/// nothing in use is evicted from the first-level cache.
static inline __attribute__((always_inline)) void processor_prefetch(const void *address) {
  __builtin_prefetch(address, 0, 2);
}

#if defined(__x86_64__)
/// Returns whether the processor and the operating system support everything that code for x86-64-v3 uses.
static inline bool processor_has_x86_64_v3(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("x86-64-v3");
}
#endif

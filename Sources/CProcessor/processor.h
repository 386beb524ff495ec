#pragma once
#include <stdbool.h>

/// Whether the processor and the operating system have all that code for x86-64-v3 uses.
static inline bool processor_has_x86_64_v3(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("x86-64-v3");
}

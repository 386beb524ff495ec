#pragma once

#include <stddef.h>
#include <stdint.h>

// The entry point of libFuzzer for programs with a main function of their own. The toolchain has no header for
// it.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*test_one_input)(const uint8_t *data, size_t size));

#pragma once

#include <stddef.h>
#include <stdint.h>

// The functions of libFuzzer that are called by name. The toolchain has no header for them.

// The entry point for programs with a main function of their own.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*test_one_input)(const uint8_t *data, size_t size));

// libFuzzer's own mutations of an input, for mutators that add to them.
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#pragma once
#include <lapacke.h>

// A type that Swift can see: `lapack_int` is a macro.
typedef lapack_int LAPACKInteger;

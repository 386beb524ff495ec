#pragma once
#include <lapacke.h>

// A type, which Swift sees; `lapack_int` is a macro.
typedef lapack_int LAPACKInteger;

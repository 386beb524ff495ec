#pragma once

#if __has_include(<lapacke.h>)
#include <lapacke.h>
#else
#error "LAPACKE is missing. Install it: 'apt-get install libopenblas-dev liblapacke-dev pkg-config' on Debian and Ubuntu, 'brew install openblas pkgconf' on macOS. Or build in pure Swift: '.package(…, traits: [])' in a package, 'swift build --traits Tool' in swift-adafactor."
#endif

// A type that Swift can see: `lapack_int` is a macro.
typedef lapack_int LAPACKInteger;

#pragma once

#if __has_include(<cblas.h>)
#include <cblas.h>
#else
#error "OpenBLAS is missing. Install it: 'apt-get install libopenblas-dev liblapacke-dev pkg-config' on Debian and Ubuntu, 'brew install openblas pkgconf' on macOS. Or build in pure Swift: '.package(…, traits: [])' in a package, 'swift build --traits Tool' in swift-adafactor."
#endif

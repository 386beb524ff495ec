#!/usr/bin/env bash
# Links the C interface into one shared library that needs nothing but the C and C++ libraries: link.sh OUTPUT
#
# SwiftPM cannot link the Swift runtime statically into a dynamic library. So it builds a static one, and swiftc links that.
# The object files of the target with the exported functions are given as files: -static-stdlib hides all symbols of archives.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source scripts/prerequisites.sh
output=$1

require_swift
command -v strip > /dev/null || fail "strip of binutils is not installed."

flags=(--configuration release --disable-default-traits --scratch-path .build-wheel)
echo "==> swift build --product CInterface" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
swift build --product CInterface "${flags[@]}" > "$log" 2>&1 || { tail -n 60 "$log" >&2 && fail "The build failed."; }
products=$(swift build --show-bin-path "${flags[@]}")

# One version script: only the functions of adafactor.h can be seen, so that two Swift runtimes can be in one process.
cat > "$products/exports.map" << 'MAP'
{ global: adafactor_*; local: *; };
MAP
echo "==> swiftc -emit-library" >&2
swiftc -emit-library -static-stdlib -o "$output" "$products"/CInterface.build/*.o "$products/libCInterface.a" \
  -Xlinker --version-script="$products/exports.map" -Xlinker --gc-sections -Xlinker -z -Xlinker noexecstack
strip --strip-all "$output"
# The license of the runtime in it, which is also the one of swift-numerics.
cp .build-wheel/checkouts/swift-numerics/LICENSE.txt "$(dirname "$output")/LICENSE-Swift.txt"

#!/usr/bin/env bash
# Tests the Python package.
#
#   test.sh quick PRODUCTS   with the Python that is there, on the library of the debug build in the folder PRODUCTS
#   test.sh full             builds the wheel, and tests it in an environment of its own; fails if a test is skipped
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
source scripts/prerequisites.sh

if [ "$(uname -sm)" != "Linux x86_64" ]; then
  [ "$1" = quick ] || fail "The Python package is for Linux on x86-64."
  echo "The tests of the Python package are skipped: it is for Linux on x86-64."
  exit 0
fi
python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null; then
  [ "$1" = quick ] || fail "$python is missing or older than 3.10."
  echo "The tests of the Python package are skipped: $python is missing or older than 3.10."
  exit 0
fi

if [ "$1" = quick ]; then
  products=$2
  swiftc -emit-library -o "$products/libadafactor.so" "$products"/CInterface.build/*.o "$products/libCInterface.a"
  echo "==> tests of the Python package"
  SWIFT_ADAFACTOR_LIBRARY=$products/libadafactor.so PYTHONPATH=$root/Sources/Python PYTHONDONTWRITEBYTECODE=1 \
    "$python" Tests/Python/run.py
  exit 0
fi

scripts/wheel
wheel=$(ls "$root"/.build-wheel/wheel/*.whl)

# Outside of the repository, so that new clones have it too.
requirements=Tests/Python/requirements.txt
environment=${XDG_CACHE_HOME:-$HOME/.cache}/swift-adafactor/python-$(sha256sum $requirements | cut -c1-12)
if [ ! -e "$environment/complete" ]; then
  echo "==> making a Python environment in $environment"
  "$python" -m venv --clear "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check -r $requirements
  touch "$environment/complete"
fi
"$environment/bin/pip" install --quiet --disable-pip-version-check --force-reinstall --no-deps "$wheel"

echo "==> auditwheel show"
tag=$(basename "$wheel" | grep -o 'manylinux_[0-9_]*x86_64')
"$environment/bin/auditwheel" show "$wheel" | tr -d '\n' | grep -q "platform tag: \"$tag\"" \
  || fail "auditwheel gives $(basename "$wheel") another tag."

echo "==> tests of the Python package from its wheel, without Swift"
# Nothing but the environment and the system: no Swift on the path, no libraries of the toolchain.
env -i HOME="$HOME" PATH="$environment/bin" TMPDIR="${TMPDIR:-/tmp}" PYTHONDONTWRITEBYTECODE=1 \
  "$environment/bin/python" Tests/Python/run.py --no-skips

# Sourced by the other scripts: checks the requirements of a build, installs them if possible, and otherwise
# says how.

# The oldest Swift that the package builds with.
least_swift="6.2"

fail() {
  echo "error: $*" >&2
  exit 1
}

require_swift() {
  command -v swift > /dev/null \
    || fail "Swift is not installed. Get Swift ${least_swift} or later from https://www.swift.org/install and try again."
  local version
  version=$(swift --version 2> /dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
  [ "$(printf '%s\n' "$least_swift" "$version" | sort -V | head -n 1)" = "$least_swift" ] \
    || fail "Swift ${version:-of an unknown version} is too old: this package needs ${least_swift} or later, from https://www.swift.org/install."
}

# Homebrew's OpenBLAS contains LAPACKE but no lapacke.pc. On other systems, LAPACKE is a separate package.
has_openblas() {
  command -v pkg-config > /dev/null && pkg-config --exists openblas \
    && { [ "$(uname)" = Darwin ] || pkg-config --exists lapacke; }
}

# Installs OpenBLAS and LAPACKE if this needs no password. Builds in pure Swift don't need them.
require_openblas() {
  has_openblas && return
  local without="Or build in pure Swift: swift build --traits Tool"
  if command -v apt-get > /dev/null; then
    local install="apt-get install -y libopenblas-dev liblapacke-dev pkg-config"
    local runner=""
    if [ "$(id -u)" != 0 ]; then
      runner="sudo"
      sudo -n true 2> /dev/null || fail "OpenBLAS or LAPACKE is missing. Install them by: sudo $install. $without"
    fi
    echo "Installing OpenBLAS and LAPACKE: $runner $install" >&2
    $runner apt-get update -q >&2 || true
    $runner $install >&2 || fail "OpenBLAS and LAPACKE could not be installed. $without"
  elif command -v brew > /dev/null; then
    echo "Installing OpenBLAS: brew install openblas pkgconf" >&2
    brew install openblas pkgconf >&2 || fail "OpenBLAS could not be installed. $without"
    # Homebrew keeps OpenBLAS out of the default paths.
    PKG_CONFIG_PATH="$(brew --prefix openblas)/lib/pkgconfig:${PKG_CONFIG_PATH:-}"
    export PKG_CONFIG_PATH
  else
    fail "OpenBLAS or LAPACKE is missing. Install their development files and pkg-config. $without"
  fi
  has_openblas || fail "OpenBLAS is installed, but pkg-config does not find openblas and lapacke. $without"
}

has_mpi() {
  command -v mpirun > /dev/null && command -v pkg-config > /dev/null && pkg-config --exists mpi
}

# Installs Open MPI where that takes no password. Fails without a message where it may not: MPI is optional.
install_mpi() {
  has_mpi && return
  if command -v apt-get > /dev/null; then
    local install="apt-get install -y libopenmpi-dev openmpi-bin pkg-config"
    local runner=""
    if [ "$(id -u)" != 0 ]; then
      runner="sudo"
      sudo -n true 2> /dev/null || return 1
    fi
    echo "Installing Open MPI: $runner $install" >&2
    $runner apt-get update -q >&2 || true
    $runner $install >&2 || return 1
  elif command -v brew > /dev/null; then
    echo "Installing Open MPI: brew install open-mpi pkgconf" >&2
    brew install open-mpi pkgconf >&2 || return 1
  fi
  has_mpi
}

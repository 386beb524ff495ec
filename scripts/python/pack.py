"""Packs the Python sources and the shared library into a wheel: no build backend is needed, since nothing is compiled."""

import argparse
import base64
import hashlib
import pathlib
import re
import subprocess
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ROOT / "Sources/Python"
NAME = "swift_adafactor"

METADATA = """\
Metadata-Version: 2.4
Name: swift-adafactor
Version: {version}
Summary: Adafactor, AdamW and other optimizers for the CPU, in Swift: a drop-in for transformers.Adafactor
License-Expression: Apache-2.0 AND Apache-2.0 WITH Swift-exception
License-File: LICENSE
License-File: LICENSE-Swift.txt
License-File: NOTICE
Requires-Python: >=3.10
Provides-Extra: torch
Requires-Dist: torch; extra == "torch"
Provides-Extra: numpy
Requires-Dist: numpy; extra == "numpy"
Description-Content-Type: text/markdown

{description}
"""

NOTICE = """\
The shared library contains the Swift runtime and standard library, libdispatch, and RealModule of swift-numerics: copyright
Apple Inc. and the Swift project authors, Apache License 2.0 with Runtime Library Exception (LICENSE-Swift.txt).
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()

    version = re.search(r'version: "([^"]+)"', (ROOT / "Sources/adafactor/AdafactorCommand.swift").read_text())[1]
    needs = dependencies(arguments.library)
    tag = f"py3-none-manylinux_{needs[0]}_{needs[1]}_x86_64"
    info = f"{NAME}-{version}.dist-info"
    files = {f"{NAME}/{path.name}": path.read_bytes() for path in sorted((SOURCES / NAME).iterdir()) if path.is_file()}
    files[f"{NAME}/libadafactor.so"] = arguments.library.read_bytes()
    files[f"{info}/METADATA"] = METADATA.format(
        version=version, description=(SOURCES / "README.md").read_text()
    ).encode()
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: swift-adafactor ({version})\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    )
    files[f"{info}/licenses/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    files[f"{info}/licenses/NOTICE"] = NOTICE.encode()
    files[f"{info}/licenses/LICENSE-Swift.txt"] = (arguments.library.parent / "LICENSE-Swift.txt").read_bytes()
    record = f"{info}/RECORD"
    lines = [f"{name},sha256={digest(content)},{len(content)}" for name, content in files.items()]
    files[record] = ("\n".join([*lines, f"{record},,"]) + "\n").encode()

    arguments.output.mkdir(parents=True, exist_ok=True)
    for old in arguments.output.glob(f"{NAME}-*.whl"):
        old.unlink()
    wheel = arguments.output / f"{NAME}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            # A fixed date: the same sources make the same wheel.
            entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=9)
    size = wheel.stat().st_size / 1e6
    if size > 6:
        sys.exit(f"error: {wheel} has {size:.1f} MB: at most 6 MB are allowed.")
    print(f"{wheel} ({size:.1f} MB)")


# The libraries that a manylinux wheel may expect of a system.
ALLOWED = {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1",
           "ld-linux-x86-64.so.2"}  # fmt: skip


def dependencies(library):
    """Returns the version of glibc that a library needs, and refuses others than the allowed ones."""
    text = subprocess.run(["objdump", "-p", library], check=True, capture_output=True, text=True).stdout
    needed = set(re.findall(r"NEEDED\s+(\S+)", text))
    if needed - ALLOWED:
        sys.exit(f"error: {library} needs {', '.join(sorted(needed - ALLOWED))}, which a manylinux wheel must not.")
    return max((int(major), int(minor)) for major, minor in re.findall(r"GLIBC_(\d+)\.(\d+)", text))


def digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


main()

"""Helpers of the tests: the packages that are installed, and recorded numbers."""

import base64
import importlib.util
import pathlib
import struct
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "Tests/OptimizersTests/Reference"


def needs(*packages):
    """Skips a test case without these packages."""
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    return unittest.skipIf(missing, f"{', '.join(missing)} is not installed: scripts/test --python installs it")


def number(value):
    """A number of a reference file, where NaN is a text."""
    return float(value) if isinstance(value, str) else value


def numbers(text):
    """Float32 numbers of a reference file."""
    data = base64.b64decode(text)
    return struct.unpack(f"<{len(data) // 4}f", data)


def ulp(value):
    """The distance to the next Float32 number above a magnitude."""
    bits = struct.unpack("<I", struct.pack("<f", abs(value)))[0]
    return struct.unpack("<f", struct.pack("<I", bits + 1))[0] - abs(value)

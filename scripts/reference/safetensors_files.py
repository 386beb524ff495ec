#!/usr/bin/env python3
"""Writes the safetensors files in Tests/SafetensorsTests/Reference with the Python package.

    pip install safetensors==0.8.0
    python3 scripts/reference/safetensors_files.py Tests/SafetensorsTests/Reference

Byte j of tensor number i in a file is (11 * i + 7 * j) mod 256, and this number mod 2 for booleans. The tests expect these
bytes. `values.safetensors` contains numbers instead, which the tests expect too.
"""

import argparse
import ctypes
import pathlib
import struct

from safetensors import TensorSpec, serialize_file

# The package's names for the types that it writes, with the number of bytes of 12 elements. F4 packs two
# elements into a byte, and the package takes its shape in bytes. It reads the 6-bit types but does not write
# them.
TYPES = {
    "bool": 12,
    "float4_e2m1fn_x2": 12,
    "uint8": 12,
    "int8": 12,
    "float8_e5m2": 12,
    "float8_e4m3fn": 12,
    "float8_e8m0fnu": 12,
    "float8_e4m3fnuz": 12,
    "float8_e5m2fnuz": 12,
    "int16": 24,
    "uint16": 24,
    "float16": 24,
    "bfloat16": 24,
    "int32": 48,
    "uint32": 48,
    "float32": 48,
    "complex64": 96,
    "float64": 96,
    "int64": 96,
    "uint64": 96,
}

NUMBERS = [-1.5, 0.0, 0.25, 1.0, 2.0, 240.0]


def pattern(index, count, dtype):
    """Returns the bytes of tensor number `index`."""
    modulus = 2 if dtype == "bool" else 256
    return bytes((11 * index + 7 * j) % 256 % modulus for j in range(count))


def write(path, tensors, metadata=None):
    """Writes `tensors`, a list of (name, dtype, shape, bytes)."""
    buffers = [ctypes.create_string_buffer(data, len(data)) for _, _, _, data in tensors]
    specs = {
        name: TensorSpec(dtype=dtype, shape=shape, data_ptr=ctypes.addressof(buffer), data_len=len(data))
        for (name, dtype, shape, data), buffer in zip(tensors, buffers)
    }
    serialize_file(specs, str(path), metadata=metadata)
    path.chmod(0o644)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder

    write(
        folder / "types.safetensors",
        [
            (f"a tensor of {dtype}", dtype, [3, 4], pattern(index, count, dtype))
            for index, (dtype, count) in enumerate(TYPES.items())
        ],
        {"format": "pt"},
    )

    names = ["scalar", "", "emoji 🦔", "é", "e\u0301", 'quote " backslash \\ slash /', "tab\tline\nbell\u0007delete\u007f"]
    write(
        folder / "names.safetensors",
        [(name, "int16", [], pattern(index, 2, "int16")) for index, name in enumerate(names)],
    )

    write(
        folder / "empty.safetensors",
        [
            ("rows", "float32", [0, 3], b""),
            ("columns", "float32", [2, 0], b""),
            ("one", "float32", [1, 1, 1, 1, 1], pattern(2, 4, "float32")),
        ],
    )

    write(folder / "nothing.safetensors", [])

    write(
        folder / "many.safetensors",
        [(f"layer.{index}.weight", "uint8", [index % 5], pattern(index, index % 5, "uint8")) for index in range(100)],
    )

    # Several entries, which the package writes in an order that changes from run to run.
    write(
        folder / "metadata.safetensors",
        [("x", "uint8", [1], pattern(0, 1, "uint8"))],
        {"format": "pt", "": "", "quote \"": "back\\slash", "é": "🦔\n"},
    )

    count = len(NUMBERS)
    write(
        folder / "values.safetensors",
        [
            ("float64", "float64", [count], struct.pack(f"<{count}d", *NUMBERS)),
            ("float32", "float32", [count], struct.pack(f"<{count}f", *NUMBERS)),
            ("float16", "float16", [count], struct.pack(f"<{count}e", *NUMBERS)),
            # The upper half of a binary32. The lower half is zero for these numbers.
            ("bfloat16", "bfloat16", [count], b"".join(struct.pack("<f", number)[2:] for number in NUMBERS)),
        ],
    )


if __name__ == "__main__":
    main()

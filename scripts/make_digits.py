#!/usr/bin/env python3
"""Writes Sources/adafactor/Resources/digits.csv from the data set in the scikit-learn wheel.

The tool reads the committed file and needs no Python. To regenerate it:

    python3 -m venv .venv
    .venv/bin/pip install scikit-learn==1.9.1
    .venv/bin/python scripts/make_digits.py
"""

import argparse
import collections
import csv
import gzip
import importlib.util
import sys
from importlib import metadata
from pathlib import Path

VERSION = "1.9.1"
SIDE = 8
LARGEST = 16
# The number of images of each digit, 0 to 9, as documented for the data set.
COUNTS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def packaged_file():
    """Returns the path of the compressed file in the installed package, without importing the package."""
    try:
        found = metadata.version("scikit-learn")
    except metadata.PackageNotFoundError:
        found = "none"
    if found != VERSION:
        sys.exit(
            f"scikit-learn is {found}, must be {VERSION}.\n"
            f"Install it: {sys.executable} -m pip install scikit-learn=={VERSION}"
        )
    return Path(importlib.util.find_spec("sklearn").origin).parent / "datasets/data/digits.csv.gz"


def rows(path):
    """Returns the images and labels as integers, and raises an error for any other value."""
    with gzip.open(path, "rt", encoding="ascii", newline="") as file:
        for line in csv.reader(file):
            values = [float(field) for field in line]
            if any(value != int(value) for value in values):
                raise ValueError(f"not integers: {line}")
            yield [int(value) for value in values]


def check(data):
    if any(len(row) != SIDE * SIDE + 1 for row in data):
        raise ValueError(f"a row must have {SIDE * SIDE} pixels and a label")
    if not all(0 <= pixel <= LARGEST for row in data for pixel in row[:-1]):
        raise ValueError(f"a pixel is outside 0...{LARGEST}")
    counts = collections.Counter(row[-1] for row in data)
    if [counts[digit] for digit in range(10)] != COUNTS or len(data) != sum(COUNTS):
        raise ValueError(f"{len(data)} rows with labels {dict(counts)}, must be {COUNTS}")


def main():
    repository = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=repository / "Sources/adafactor/Resources/digits.csv",
        help="the file to write instead of the repository's",
    )
    output = parser.parse_args().output
    data = list(rows(packaged_file()))
    check(data)
    header = [f"pixel_{row}_{column}" for row in range(SIDE) for column in range(SIDE)] + ["label"]
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w", encoding="ascii", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *data])
    print(f"{output}: {len(data)} images, {output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

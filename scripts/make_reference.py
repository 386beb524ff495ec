#!/usr/bin/env python3
"""Generates the reference numbers of the tests with the real torch, transformers and other packages.

The tests read the committed files and need no Python. To regenerate them:

    python3 -m venv .venv
    .venv/bin/pip install torch==2.15.0 transformers==5.23.0 numpy==2.4.6 safetensors==0.8.0 \
        pytorch-optimizer==4.1.0 lion-pytorch==0.2.5 torch-optimi==0.3.3 came-pytorch==0.1.3 schedulefree==1.4.1 \
        galore-torch==1.0
    .venv/bin/python scripts/make_reference.py

Tests/SchedulesTests/Reference/README.md and Tests/OptimizersTests/Reference/README.md describe the
formats. `--only large --output DIR` writes trajectories of large tensors, which are too large to
commit; scripts/reference/large.py describes them.

Two runs give the same bytes: the generator is seeded, and torch runs on one thread with kernels
without AVX, so that they do not depend on the processor.
"""

import argparse
import os
import sys
from importlib import metadata
from pathlib import Path

PINNED = {"torch": "2.15.0", "transformers": "5.23.0", "numpy": "2.4.6", "safetensors": "0.8.0"}
PINNED |= {"pytorch-optimizer": "4.1.0"}
PARTS = ["adafactor", "adamw", "sixteen_bit", "schedules", "extra_schedules", "combined_schedules"]
PARTS += ["muon"]
PARTS += ["training_loop", "continuation", "weight_average"]
PARTS += ["sgd", "lion", "stable_adamw", "came"]
PINNED |= {"lion-pytorch": "0.2.5", "torch-optimi": "0.3.3", "came-pytorch": "0.1.3"}
PARTS += ["soap"]
PARTS += ["schedule_free_adamw"]
PARTS += ["galore"]
PINNED |= {"schedulefree": "1.4.1", "galore-torch": "1.0"}
ON_REQUEST = ["large"]


def check_versions():
    """Refuses to generate numbers with versions other than the pinned ones."""
    wrong = []
    for package, version in PINNED.items():
        try:
            found = metadata.version(package).split("+")[0]
        except metadata.PackageNotFoundError:
            found = "none"
        if found != version:
            wrong.append(f"{package} is {found}, must be {version}")
    if wrong:
        pins = " ".join(f"{package}=={version}" for package, version in PINNED.items())
        sys.exit("; ".join(wrong) + f".\nInstall them: {sys.executable} -m pip install {pins}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS + ON_REQUEST, help="one part instead of all committed ones")
    parser.add_argument(
        "--output",
        type=Path,
        help="the output folder instead of the repository's Tests; required for large",
    )
    arguments = parser.parse_args()
    if arguments.only in ON_REQUEST and arguments.output is None:
        parser.error(f"--only {arguments.only} writes files that are not committed: give --output DIR")
    check_versions()

    # Both must be set before torch is imported.
    os.environ["ATEN_CPU_CAPABILITY"] = "default"
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import importlib

    import torch

    torch.set_num_threads(1)
    output = arguments.output or Path(__file__).resolve().parent.parent / "Tests"
    for part in [arguments.only] if arguments.only else PARTS:
        importlib.import_module(f"reference.{part}").generate(output)


if __name__ == "__main__":
    main()

"""python -m peers compare | scaling: see scripts/benchmark --help."""

import argparse
import sys
from pathlib import Path

from peers import process


def main():
    parser = argparse.ArgumentParser(prog="scripts/benchmark")
    parser.add_argument("mode", choices=["compare", "scaling"])
    parser.add_argument("--executable", required=True, help="the program that measures ours")
    parser.add_argument("--output", type=Path, default=process.ROOT / "Benchmarks/Results")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--workloads", type=lambda names: names.split(","))
    arguments = parser.parse_args()
    try:
        if arguments.mode == "compare":
            from peers import compare as mode
        else:
            from peers import scaling as mode
        mode.main(arguments)
    except process.Failure as failure:
        sys.exit(f"error: {failure}")
    except ModuleNotFoundError as error:
        sys.exit(f"error: {sys.executable} has no module {error.name}: leave out --python, or install it there.")
    except KeyboardInterrupt:
        sys.exit(130)


main()

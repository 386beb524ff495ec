"""python -m peers compare | matrices | convergence | scaling | draw: see scripts/benchmark --help."""

import argparse
import importlib
import sys
from pathlib import Path

from peers import charts, process


def main():
    parser = argparse.ArgumentParser(prog="scripts/benchmark")
    parser.add_argument("mode", choices=["compare", "matrices", "convergence", "scaling", "draw"])
    parser.add_argument("--executable", help="the program that measures our optimizers; not for draw")
    parser.add_argument("--tool", help="the program adafactor, for convergence")
    parser.add_argument("--output", type=Path, default=process.ROOT / "Benchmarks/Results")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--workloads", type=lambda names: names.split(","))
    arguments = parser.parse_args()
    try:
        if arguments.mode == "draw":
            print(f"Drawn: {', '.join(charts.draw(arguments.output))} in {arguments.output}")
            return
        both = arguments.mode == "compare" and not arguments.workloads
        for name in ["compare", "matrices"] if both else [arguments.mode]:
            importlib.import_module(f"peers.{name}").main(arguments)
    except process.Failure as failure:
        sys.exit(f"error: {failure}")
    except ModuleNotFoundError as error:
        sys.exit(f"error: {sys.executable} has no module {error.name}: remove --python, or install it there.")
    except KeyboardInterrupt:
        sys.exit(130)


main()

"""Prepares the Python environment of the comparison, with any Python from 3.11 and only the standard library.

Prints the path of a Python with the packages.
"""

import argparse
import subprocess
import sys
from pathlib import Path

# The packages that the comparison requires, and the packages for charts.
CHARTS = ["numpy==2.4.6", "matplotlib==3.11.2"]
REFERENCE = ["torch==2.15.0", "transformers==5.23.0", "safetensors==0.8.0", *CHARTS]
# Optional packages. If one cannot be installed, its rows stay blank.
OPTIONAL = {
    "optax": ["jax==0.10.2", "optax==0.2.8"],
    "MLX": ["mlx[cpu]==0.32.4"],
    "DeepSpeed": ["deepspeed==0.19.8", "ninja==1.13.2"],
    "pytorch-optimizer": ["pytorch-optimizer==4.1.0"],
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True, help="the folder of the environment")
    parser.add_argument("--charts-only", action="store_true")
    arguments = parser.parse_args()
    if sys.version_info < (3, 11):
        sys.exit(f"error: Python {sys.version.split()[0]} is too old: 3.11 or later is needed.")
    python = arguments.folder / "bin/python"
    if not python.exists():
        print(f"Making a Python environment in {arguments.folder}", file=sys.stderr)
        made = subprocess.run([sys.executable, "-m", "venv", arguments.folder], capture_output=True, text=True)
        if made.returncode != 0:
            sys.exit(f"error: python3 -m venv failed: {_last_line(made)} On Debian: apt-get install -y python3-venv")

    required = CHARTS if arguments.charts_only else REFERENCE
    if (failure := install(python, required)) is not None:
        sys.exit(f"error: pip could not install {' '.join(required)}: {failure}")
    if not arguments.charts_only:
        for name, packages in OPTIONAL.items():
            if (failure := install(python, packages)) is not None:
                print(f"{name} is skipped: pip could not install {' '.join(packages)}: {failure}", file=sys.stderr)
    print(python)


def install(python, packages):
    """Installs packages if necessary. Returns None if they are installed, otherwise the reason."""
    versions = "import importlib.metadata as m, sys; [print(m.version(name).split('+')[0]) for name in sys.argv[1:]]"
    names = [package.split("==")[0].split("[")[0] for package in packages]
    found = subprocess.run([python, "-c", versions, *names], capture_output=True, text=True)
    if found.returncode == 0 and found.stdout.split() == [package.split("==")[1] for package in packages]:
        return None
    print(f"Installing {' '.join(packages)}", file=sys.stderr)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    result = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return None if result.returncode == 0 else _last_line(result)


def _last_line(result):
    lines = (result.stderr or result.stdout).strip().splitlines()
    return lines[-1] if lines else f"status {result.returncode}"


if __name__ == "__main__":
    main()

"""Writes arrays and records: base64 float arrays, one record per line."""

import base64
import json
import math
import platform
from pathlib import Path

import numpy as np
import torch
import transformers


def provenance(**more):
    """Returns the provenance of a file, which is its first entry."""
    return {
        "script": "scripts/make_reference.py",
        "torch": torch.__version__.split("+")[0],
        "transformers": transformers.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    } | more


def base64_floats(tensor):
    """Returns the elements in row-major order as little-endian Float32, in base64."""
    array = tensor.detach().numpy() if isinstance(tensor, torch.Tensor) else np.asarray(tensor)
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode("ascii")


def base64_doubles(tensor):
    """Returns the elements in row-major order as little-endian Float64, in base64."""
    array = tensor.detach().numpy().astype("<f8")
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def conforming(value):
    """Returns a value for JSON, which has no NaN and no infinity: they become "NaN", "Infinity" and "-Infinity"."""
    if isinstance(value, dict):
        return {key: conforming(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [conforming(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def write(path, record):
    """Writes an object with one list element per line, so that differences are readable."""

    def line(value):
        return json.dumps(conforming(value), allow_nan=False, ensure_ascii=False)

    entries = []
    for key, value in record.items():
        if isinstance(value, list) and value:
            elements = ",\n".join("    " + line(element) for element in value)
            entries.append(f"  {line(key)}: [\n{elements}\n  ]")
        else:
            entries.append(f"  {line(key)}: {line(value)}")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{\n" + ",\n".join(entries) + "\n}\n", encoding="utf-8")
    print(f"{path}: {path.stat().st_size:,} bytes")

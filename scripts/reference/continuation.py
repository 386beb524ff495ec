"""A run of the real transformers.Adafactor that stops, is converted by convert_state.py, and continues."""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from transformers import Adafactor

from . import files

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import convert_state

SEED = 20_260_306
STOP = 6
STEPS = 12
GROUPS = [
    (
        ["hidden.weight", "hidden.bias"],
        {"lr": 0.02, "relative_step": False, "beta1": 0.9, "weight_decay": 0.01},
    ),
    (["embedding", "convolution", "scale", "resting"], {"clip_threshold": float("inf"), "warmup_init": True}),
]
SHAPES = {
    "hidden.weight": [12, 20],
    "hidden.bias": [20],
    "embedding": [30, 8],
    "convolution": [4, 3, 3, 3],
    "scale": [],
    "resting": [5, 5],
}


def gradient_for(generator, name, shape, step):
    """Returns the gradient. One parameter has a gradient only in every second step, and one has none."""
    values = generator.standard_normal(shape).astype(np.float32)
    if name == "resting" or name == "scale" and step % 2 == 0:
        return None
    return torch.from_numpy(np.asarray(values))


def write(path, tensors, metadata=None):
    """Writes a safetensors file with sorted metadata, because the package writes them in an order that changes."""
    data = save(tensors, metadata)
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    if metadata:
        header["__metadata__"] = dict(sorted(metadata.items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    print(f"{path}: {path.stat().st_size:,} bytes")


def generate(output):
    generator = np.random.default_rng(SEED)
    parameters = {}
    for name, shape in SHAPES.items():
        values = np.asarray(generator.standard_normal(shape), dtype=np.float32)
        parameters[name] = torch.nn.Parameter(torch.from_numpy(values))
    optimizer = Adafactor(
        [{"params": [parameters[name] for name in names]} | options for names, options in GROUPS], lr=None
    )
    folder = output / "CheckpointsTests/Reference"
    folder.mkdir(parents=True, exist_ok=True)

    def save_parameters(name):
        write(folder / name, {key: value.detach().clone() for key, value in parameters.items()})

    def save_state(name):
        names = [name for names, _ in GROUPS for name in names]
        tensors, metadata = convert_state.to_safetensors(optimizer.state_dict(), names)
        write(folder / name, tensors, metadata)

    gradients = {}
    save_parameters("begin-parameters.safetensors")
    for step in range(1, STEPS + 1):
        for name, parameter in parameters.items():
            parameter.grad = gradient_for(generator, name, SHAPES[name], step)
            if parameter.grad is not None:
                gradients[f"{step}/{name}"] = parameter.grad.clone()
        optimizer.step()
        if step == STOP:
            save_parameters("stop-parameters.safetensors")
            save_state("stop-state.safetensors")
    save_parameters("end-parameters.safetensors")
    save_state("end-state.safetensors")
    write(folder / "gradients.safetensors", gradients, {"provenance": json.dumps(files.provenance(seed=SEED))})

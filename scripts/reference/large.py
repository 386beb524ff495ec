"""Trajectories of large tensors, written on request as safetensors files, because they are too large to commit.

`make_reference.py --only large --output DIR` writes below DIR/adafactor-large, per case:

- `<case>.json`: `provenance`, `shape`, `steps` (their number), and `options`: by variant, the options
  of the optimizer, with the reference's names.
- `<case>.safetensors`, with these tensors:

      initial, gradient.1 ... gradient.<steps>            float32: what to replay
      <variant>.float64.parameter, .exp_avg_sq_row, ...   the end of the reference in Float64, and its state
      <variant>.float32.parameter, .exp_avg_sq_row, ...   the same in float32

All variants replay the same gradients. The Float64 end is what to compare with at every size: the
float32 run is off by up to 4e-4 of the whole change already at a million elements.
`float32ChangeError` in the json file gives that number, ‖P32 − P64‖ / ‖P64 − initial‖, by variant.
"""

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import Adafactor

from . import files
from .adafactor import Run
from .adafactor_cases import DEFAULTS, FIXED
from .trajectories import tensor

SEED = 20_260_103
STEPS = 3
SHAPES = [(1024, 1024), (4096, 256), (50_257, 64), (1, 1_000_000), (8, 131_072)]
VARIANTS = {
    "defaults": DEFAULTS,
    "momentum": DEFAULTS | FIXED | {"beta1": 0.9, "weight_decay": 0.01},
}


def scaled_rows(generator, shape):
    """Draws normal gradients with rows and columns that differ in scale by up to four orders of magnitude."""
    rows = 10.0 ** generator.uniform(-2, 2, (shape[0], 1))
    columns = 10.0 ** generator.uniform(-2, 2, (1, shape[1]))
    return (rows * columns * generator.standard_normal(shape)).astype(np.float32)


def equal_elements(generator, shape):
    """Returns the same value everywhere, which makes a running float32 sum over many rows drift most."""
    return np.full(shape, generator.uniform(0.1, 0.9), dtype=np.float32)


def run(initial, gradients, options, dtype):
    parameter = torch.nn.Parameter(tensor(initial, dtype))
    optimizer = Adafactor([parameter], **options)
    for gradient in gradients:
        parameter.grad = tensor(gradient, dtype)
        optimizer.step()
    state = optimizer.state[parameter]
    return {"parameter": parameter.detach()} | {key: state[key] for key in Run.arrays if key in state}


def generate_case(folder, name, shape, draw):
    generator = np.random.default_rng([SEED, *shape])
    initial = (0.02 * generator.standard_normal(shape)).astype(np.float32)
    gradients = [draw(generator, shape) for _ in range(STEPS)]
    tensors = {"initial": tensor(initial, torch.float32)}
    tensors |= {f"gradient.{step + 1}": tensor(each, torch.float32) for step, each in enumerate(gradients)}
    change_error = {}
    for variant, options in VARIANTS.items():
        exact, rounded = (run(initial, gradients, options, kind) for kind in (torch.float64, torch.float32))
        tensors |= {f"{variant}.float64.{key}": value for key, value in exact.items()}
        tensors |= {f"{variant}.float32.{key}": value for key, value in rounded.items()}
        moved = (exact["parameter"] - tensors["initial"].double()).norm()
        change_error[variant] = float((rounded["parameter"].double() - exact["parameter"]).norm() / moved)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / f"{name}.safetensors")
    files.write(
        folder / f"{name}.json",
        {
            "provenance": files.provenance(seed=SEED),
            "shape": shape,
            "steps": STEPS,
            "options": VARIANTS,
            "float32ChangeError": change_error,
        },
    )


def generate(output):
    folder = output / "adafactor-large"
    for shape in SHAPES:
        generate_case(folder, "x".join(map(str, shape)), shape, scaled_rows)
    generate_case(folder, "50257x64-constant", (50_257, 64), equal_elements)

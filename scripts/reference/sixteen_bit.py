"""Trajectories of 16-bit parameters: computed in float32, rounded to nearest after each step."""

import zlib

import numpy as np
import torch

from . import adafactor, adafactor_cases, adamw, adamw_cases, files
from .cases import Case, Group, parameters
from .draws import normal
from .trajectories import SEED, tensor

TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
SHAPES = [[], [7], [33], [5, 7], [1, 9], [3, 40], [3, 4, 5]]


def groups(defaults, options, scales):
    """Returns a group with one parameter per shape for each set of options and each scale of the gradients."""
    result = []
    for index, option in enumerate(options):
        for scale in scales:
            members = parameters(SHAPES, gradients=normal(scale))
            for member in members:
                member.name = f"{index}.{scale:g}.{member.name}"
            result.append(Group(defaults | option, members))
    return result


def case(name, type_name, defaults, options):
    # Float16 gradients of 1e-6 are subnormal, with at most three bits.
    scales = [1.0, 1e-6] if type_name == "float16" else [1.0]
    return Case(f"{name}-{type_name}", f"{type_name} parameters.", groups(defaults, options, scales), steps=6)


ADAFACTOR = [
    {},
    {"lr": 1e-2, "relative_step": False, "scale_parameter": False, "beta1": 0.9, "weight_decay": 0.1},
]
ADAMW = [{"lr": 1e-2}, {"lr": 3e-3, "betas": (0.8, 0.95), "weight_decay": 0.5, "amsgrad": True}]


def trajectory(case, kind, dtype, is_native):
    """Runs a case on float32 copies of parameters in `dtype`.

    If the reference itself computes in this way (`is_native`), it is also run on `dtype`, and must give the
    same bits.
    """

    def rounded(array):
        return tensor(array, dtype).float().numpy()

    seed = [SEED, zlib.crc32(case.name.encode())]
    generator = np.random.default_rng(seed)
    members = [parameter for group in case.groups for parameter in group.parameters]
    initial = {parameter.name: rounded(parameter.initial(generator)) for parameter in members}
    run = kind(case.groups, initial, {}, torch.float32)
    native = kind(case.groups, initial, {}, dtype) if is_native else None
    steps, record, snapshots = [], [], []
    for step in range(1, case.steps + 1):
        gradients = {parameter.name: rounded(parameter.gradient(generator, step)) for parameter in members}
        run.step(gradients, [])
        unrounded = {name: files.base64_floats(value) for name, value in run.parameters.items()}
        with torch.no_grad():
            for parameter in run.parameters.values():
                parameter.copy_(parameter.to(dtype))
        if native is not None:
            native.step(gradients, [])
            assert native.state() == run.state(), case.name
            for name, parameter in native.parameters.items():
                assert parameter.dtype == dtype and parameter.float().equal(run.parameters[name]), name
        steps.append({"gradients": {name: files.base64_floats(value) for name, value in gradients.items()}})
        record.append(
            {
                "step": step,
                "unrounded": unrounded,
                "parameters": {name: files.base64_floats(value) for name, value in run.parameters.items()},
            }
        )
        if step in (1, case.steps):
            snapshots.append({"afterStep": step, "parameters": run.state()})
    return {
        "provenance": files.provenance(seed=seed),
        "case": case.sentence,
        "groups": [
            {
                "options": group.options,
                "parameters": [
                    {
                        "name": parameter.name,
                        "shape": parameter.shape,
                        "initial": files.base64_floats(initial[parameter.name]),
                    }
                    for parameter in group.parameters
                ],
            }
            for group in case.groups
        ],
        "steps": steps,
        "record": record,
        "states": snapshots,
    }


def generate(output):
    folder = output / "OptimizersTests/Reference/sixteen-bit"
    # torch's AdamW keeps the state of 16-bit parameters in 16 bits, so it has no native run here.
    kinds = [
        ("adafactor", adafactor.Run, adafactor_cases.DEFAULTS, ADAFACTOR, True),
        ("adamw", adamw.Run, adamw_cases.DEFAULTS, ADAMW, False),
    ]
    for name, kind, defaults, options, is_native in kinds:
        for type_name, dtype in TYPES.items():
            record = trajectory(case(name, type_name, defaults, options), kind, dtype, is_native)
            files.write(folder / name / f"{type_name}.json", record)

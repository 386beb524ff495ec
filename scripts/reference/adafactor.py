"""Trajectories of the real transformers.Adafactor, and the errors that it raises."""

import zlib

import numpy as np
import torch
from transformers import Adafactor

from . import adafactor_cases, files

SEED = 20_260_102
ARRAYS = ("exp_avg_sq_row", "exp_avg_sq_col", "exp_avg_sq", "exp_avg")


def tensor(array, dtype):
    """A copy: the optimizer works in place, and from_numpy would share the array's memory."""
    return torch.from_numpy(array).to(dtype, copy=True)


class Run:
    """One optimizer over the groups of a case, with parameters of one floating-point type."""

    def __init__(self, groups, initial, states, dtype):
        self.dtype = dtype
        self.parameters = {name: torch.nn.Parameter(tensor(array, dtype)) for name, array in initial.items()}
        arguments = [
            {"params": [self.parameters[parameter.name] for parameter in group.parameters]}
            | group.all_options()
            for group in groups
        ]
        # The constructor's own settings concern only groups that leave some out: none does.
        self.optimizer = Adafactor(arguments)
        for name, state in states.items():
            self.optimizer.state[self.parameters[name]] = {
                key: tensor(value, dtype) if key in ARRAYS else value for key, value in state.items()
            }

    def step(self, gradients, changes):
        for change in changes:
            group = self.optimizer.param_groups[change["group"]]
            group.update({key: value for key, value in change.items() if key != "group"})
        for name, parameter in self.parameters.items():
            gradient = gradients[name]
            parameter.grad = None if gradient is None else tensor(gradient, self.dtype)
        self.optimizer.step()

    def step_sizes(self):
        return {
            name: float(Adafactor._get_lr(group, self.optimizer.state[parameter]))
            for group in self.optimizer.param_groups
            for name, parameter in self.parameters.items()
            if any(parameter is member for member in group["params"]) and parameter in self.optimizer.state
        }

    def state(self):
        return {
            name: encoded_state(self.optimizer.state[parameter])
            for name, parameter in self.parameters.items()
            if parameter in self.optimizer.state
        }


def encoded_state(state):
    return {
        key: {"shape": list(value.shape), "data": files.base64_floats(value)}
        if key in ARRAYS
        else int(value)
        if key == "step"
        else float(value)
        for key, value in state.items()
    }


def trajectory(case):
    """Runs a case in float32, recording every step, and in float64, recording where it ends."""
    seed = [SEED, zlib.crc32(case.name.encode())]
    generator = np.random.default_rng(seed)
    members = [parameter for group in case.groups for parameter in group.parameters]
    initial = {parameter.name: parameter.initial(generator) for parameter in members}
    states = {
        parameter.name: parameter.state(generator) for parameter in members if parameter.state is not None
    }
    runs = {kind: Run(case.groups, initial, states, kind) for kind in (torch.float32, torch.float64)}
    run = runs[torch.float32]
    steps, record, snapshots = [], [], []
    for step in range(1, case.steps + 1):
        gradients = {parameter.name: parameter.gradient(generator, step) for parameter in members}
        changes = case.changes(step)
        for each in runs.values():
            each.step(gradients, changes)
        steps.append(
            {
                "gradients": {
                    name: None if gradient is None else files.base64_floats(gradient)
                    for name, gradient in gradients.items()
                }
            }
            | ({"optionChanges": changes} if changes else {})
        )
        record.append(
            {
                "step": step,
                "parameters": {name: files.base64_floats(value) for name, value in run.parameters.items()},
                "stepSizes": run.step_sizes(),
            }
        )
        if step in (1, (case.steps + 1) // 2, case.steps):
            snapshots.append({"afterStep": step, "parameters": run.state()})
        if not case.has_nan:
            assert all(value.isfinite().all() for value in run.parameters.values()), case.name
    result = {"provenance": files.provenance(seed=seed), "case": case.sentence}
    result["groups"] = [
        {
            "options": group.all_options(),
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
    ]
    if states:
        result["initialStates"] = {name: encoded_state(state) for name, state in states.items()}
    return result | {
        "steps": steps,
        "record": record,
        "states": snapshots,
        "finalInDouble": {
            name: files.base64_doubles(value) for name, value in runs[torch.float64].parameters.items()
        },
    }


def errors():
    """What the constructor refuses, and what it accepts but cannot step with."""
    refused = [
        {"lr": 1e-3},
        {"lr": 0.0},
        {"lr": 1e-3, "relative_step": True, "warmup_init": True},
        {"relative_step": False, "warmup_init": True},
        {"lr": 1e-3, "relative_step": False, "warmup_init": True},
        {"lr": 1e-3, "relative_step": False, "scale_parameter": False, "warmup_init": True},
        {"relative_step": False},
        {"relative_step": False, "scale_parameter": False},
    ]
    for options in refused:
        parameter = torch.nn.Parameter(torch.ones(2, 2))
        parameter.grad = torch.ones(2, 2)
        raised_by = "constructor"
        try:
            optimizer = Adafactor([parameter], **options)
            raised_by = "step"
            optimizer.step()
        except (ValueError, TypeError) as error:
            yield {"options": options, "raisedBy": raised_by, "message": str(error)}
        else:
            raise AssertionError(f"the reference accepts {options}")


def generate(output):
    folder = output / "OptimizersTests/Reference"
    for case in adafactor_cases.cases():
        files.write(folder / "adafactor" / f"{case.name}.json", trajectory(case))
    files.write(
        folder / "adafactor-errors.json",
        {"provenance": files.provenance(), "errors": list(errors())},
    )

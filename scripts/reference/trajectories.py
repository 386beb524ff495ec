"""Runs an optimizer of the reference on a case, and records the results."""

import zlib

import numpy as np
import torch

from . import files

SEED = 20_260_102


def tensor(array, dtype):
    """Returns a copy, because the optimizer works in place and from_numpy would share the array's memory."""
    return torch.from_numpy(array).to(dtype, copy=True)


class Run:
    """One optimizer over the groups of a case, with parameters of one floating-point type.

    A subclass defines how the optimizer is created, which entries of its state are `arrays`, and what else is recorded.
    """

    arrays = ()

    def __init__(self, groups, initial, states, dtype):
        self.dtype = dtype
        self.parameters = {name: torch.nn.Parameter(tensor(array, dtype)) for name, array in initial.items()}
        arguments = [
            {"params": [self.parameters[parameter.name] for parameter in group.parameters]}
            | group.options
            for group in groups
        ]
        # The constructor's settings affect only groups that omit some, and no group does.
        self.optimizer = self.make_optimizer(arguments)
        for name, state in states.items():
            self.optimizer.state[self.parameters[name]] = {
                key: tensor(value, dtype) if key in self.arrays else self.scalar(value)
                for key, value in state.items()
            }

    def make_optimizer(self, groups):
        raise NotImplementedError

    def scalar(self, value):
        """Returns a number of an imported state in the optimizer's representation."""
        return value

    def more_of_record(self):
        """Returns what is recorded after a step in addition to the parameters."""
        return {}

    def step(self, gradients, changes):
        for change in changes:
            group = self.optimizer.param_groups[change["group"]]
            group.update({key: value for key, value in change.items() if key != "group"})
        for name, parameter in self.parameters.items():
            gradient = gradients[name]
            parameter.grad = None if gradient is None else tensor(gradient, self.dtype)
        self.optimizer.step()

    def state(self):
        return {
            name: self.encoded(self.optimizer.state[parameter])
            for name, parameter in self.parameters.items()
            if parameter in self.optimizer.state
        }

    def encoded(self, state):
        return {
            key: {"shape": list(value.shape), "data": files.base64_floats(value)}
            if key in self.arrays
            else int(value)
            if key == "step"
            else float(value)
            for key, value in state.items()
        }


def trajectory(case, kind):
    """Runs a case in float32, recording every step, and in float64, recording only the end."""
    seed = [SEED, zlib.crc32(case.name.encode())]
    generator = np.random.default_rng(seed)
    members = [parameter for group in case.groups for parameter in group.parameters]
    initial = {parameter.name: parameter.initial(generator) for parameter in members}
    states = {
        parameter.name: parameter.state(generator) for parameter in members if parameter.state is not None
    }
    runs = {dtype: kind(case.groups, initial, states, dtype) for dtype in (torch.float32, torch.float64)}
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
            }
            | run.more_of_record()
        )
        if step in (1, (case.steps + 1) // 2, case.steps):
            snapshots.append({"afterStep": step, "parameters": run.state()})
        if not case.has_nan:
            assert all(value.isfinite().all() for value in run.parameters.values()), case.name
    result = {"provenance": files.provenance(seed=seed), "case": case.sentence}
    result["groups"] = [
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
    ]
    if states:
        result["initialStates"] = {name: run.encoded(state) for name, state in states.items()}
    return result | {
        "steps": steps,
        "record": record,
        "states": snapshots,
        "finalInDouble": {
            name: files.base64_doubles(value) for name, value in runs[torch.float64].parameters.items()
        },
    }

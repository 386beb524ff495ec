"""Trajectories of the real transformers.Adafactor, and the errors that it raises."""

import torch
from transformers import Adafactor

from . import adafactor_cases, files, trajectories


class Run(trajectories.Run):
    arrays = ("exp_avg_sq_row", "exp_avg_sq_col", "exp_avg_sq", "exp_avg")

    def make_optimizer(self, groups):
        return Adafactor(groups)

    def more_of_record(self):
        return {"stepSizes": self.step_sizes()}

    def step_sizes(self):
        return {
            name: float(Adafactor._get_lr(group, self.optimizer.state[parameter]))
            for group in self.optimizer.param_groups
            for name, parameter in self.parameters.items()
            if any(parameter is member for member in group["params"]) and parameter in self.optimizer.state
        }


def errors():
    """Options that the constructor refuses, and options that it accepts but cannot step with."""
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
        record = trajectories.trajectory(case, Run)
        files.write(folder / "adafactor" / f"{case.name}.json", record)
    files.write(
        folder / "adafactor-errors.json",
        {"provenance": files.provenance(), "errors": list(errors())},
    )

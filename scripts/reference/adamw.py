"""Trajectories of the real torch.optim.AdamW."""

import torch

from . import adamw_cases, files, trajectories


class Run(trajectories.Run):
    arrays = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")

    def make_optimizer(self, groups):
        # The plain implementation: one operation after the other, as in the documentation.
        return torch.optim.AdamW(groups, foreach=False, fused=False)

    def scalar(self, value):
        return torch.tensor(float(value))


def generate(output):
    for case in adamw_cases.cases():
        record = trajectories.trajectory(case, Run)
        files.write(output / "OptimizersTests/Reference/adamw" / f"{case.name}.json", record)

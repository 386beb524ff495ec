"""Trajectories of the real torch.optim.SGD."""

import torch

from . import counted_run, files, sgd_cases, trajectories


class Run(counted_run.CountedRun):
    arrays = ("momentum_buffer",)

    def make_optimizer(self, groups):
        # The plain implementation: one operation after the other, as in the documentation.
        return torch.optim.SGD(groups, foreach=False, fused=False)


def generate(output):
    for case in sgd_cases.cases():
        record = trajectories.trajectory(case, Run)
        files.write(output / "OptimizersTests/Reference/sgd" / f"{case.name}.json", record)

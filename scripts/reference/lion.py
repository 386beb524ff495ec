"""Trajectories of the real Lion of lion-pytorch."""

from importlib import metadata

import lion_pytorch

from . import counted_run, files, lion_cases, trajectories


class Run(counted_run.CountedRun):
    arrays = ("exp_avg",)

    def make_optimizer(self, groups):
        return lion_pytorch.Lion(groups)


def generate(output):
    for case in lion_cases.cases():
        record = trajectories.trajectory(case, Run)
        record["provenance"]["lion-pytorch"] = metadata.version("lion-pytorch")
        files.write(output / "OptimizersTests/Reference/lion" / f"{case.name}.json", record)

"""Trajectories of the real CAME of came-pytorch."""

from importlib import metadata

import came_pytorch

from . import came_cases, files, trajectories


class Run(trajectories.Run):
    arrays = ("exp_avg", "exp_avg_sq", "exp_avg_sq_row", "exp_avg_sq_col", "exp_avg_res_row", "exp_avg_res_col")

    def make_optimizer(self, groups):
        return came_pytorch.CAME(groups, lr=1.0)

    def encoded(self, state):
        # CAME computes the RMS but does not use it.
        return super().encoded({key: value for key, value in state.items() if key != "RMS"})


def generate(output):
    for case in came_cases.cases():
        record = trajectories.trajectory(case, Run)
        record["provenance"]["came-pytorch"] = metadata.version("came-pytorch")
        files.write(output / "OptimizersTests/Reference/came" / f"{case.name}.json", record)

"""Trajectories of the real StableAdamW of torch-optimi."""

from importlib import metadata

import optimi

from . import counted_run, files, stable_adamw_cases, trajectories


def by_name(options):
    """Returns the options for optimi, which keeps the betas of a group under two names and ignores `betas`."""
    betas = options.get("betas")
    rest = {key: value for key, value in options.items() if key != "betas"}
    return rest | ({"beta1": betas[0], "beta2": betas[1]} if betas else {})


class Run(counted_run.CountedRun):
    arrays = ("exp_avg", "exp_avg_sq")

    def make_optimizer(self, groups):
        return optimi.StableAdamW([by_name(group) for group in groups], lr=1e-3, foreach=False, triton=False)

    def step(self, gradients, changes):
        super().step(gradients, [by_name(change) for change in changes])
        # optimi counts the steps of a group even if it has no gradients, so groups without gradients are not
        # stepped.
        for group in self.optimizer.param_groups:
            if all(parameter.grad is None for parameter in group["params"]):
                group["step"] -= 1

    def encoded(self, state):
        return super().encoded({key: value for key, value in state.items() if key in self.arrays})


def generate(output):
    for case in stable_adamw_cases.cases():
        record = trajectories.trajectory(case, Run)
        record["provenance"]["torch-optimi"] = metadata.version("torch-optimi")
        files.write(output / "OptimizersTests/Reference/stable_adamw" / f"{case.name}.json", record)

"""Trajectories of the real AdamWScheduleFree of schedulefree."""

from importlib import metadata

import schedulefree

from . import counted_run, files, schedule_free_adamw_cases, trajectories

COUNTS = ("k", "weight_sum", "lr_max", "scheduled_lr")


class Run(counted_run.CountedRun):
    arrays = ("z", "exp_avg_sq")

    def make_optimizer(self, groups):
        optimizer = schedulefree.AdamWScheduleFree(groups, foreach=False)
        optimizer.train()
        return optimizer

    def step(self, gradients, changes):
        counts = [{key: group[key] for key in COUNTS} for group in self.optimizer.param_groups]
        super().step(gradients, changes)
        # schedulefree counts the steps of a group even if it has no gradients.
        for group, before in zip(self.optimizer.param_groups, counts):
            with_gradient = [parameter.grad is not None for parameter in group["params"]]
            assert len(set(with_gradient)) == 1
            if not with_gradient[0]:
                group.update(before)

    def more_of_record(self):
        """Returns the evaluation weights. The training weights are restored bit for bit."""
        before = {name: value.detach().clone() for name, value in self.parameters.items()}
        self.optimizer.eval()
        weights = {name: files.base64_floats(value) for name, value in self.parameters.items()}
        for name, value in self.parameters.items():
            value.data.copy_(before[name])
        for group in self.optimizer.param_groups:
            group["train_mode"] = True
        return {"evaluation": weights}

    def state(self):
        groups = {id(parameter): group for group in self.optimizer.param_groups for parameter in group["params"]}
        return {
            name: state
            | {key: float(groups[id(self.parameters[name])][key]) for key in ("weight_sum", "lr_max")}
            for name, state in super().state().items()
        }


class SwitchedRun(Run):
    """Switches to the evaluation weights and back before every step. Each switch rounds."""

    def step(self, gradients, changes):
        self.optimizer.eval()
        self.optimizer.train()
        super().step(gradients, changes)


def generate(output):
    for case in schedule_free_adamw_cases.cases():
        record = trajectories.trajectory(case, SwitchedRun if case.name == "switched" else Run)
        record["provenance"]["schedulefree"] = metadata.version("schedulefree")
        files.write(output / "OptimizersTests/Reference/schedule_free_adamw" / f"{case.name}.json", record)

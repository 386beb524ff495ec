"""Trajectories of the real torch.optim.Muon.

torch rounds its Newton-Schulz iteration to BFloat16. The trajectory is torch's optimizer with pytorch-optimizer's iteration
in the parameters' own type. Every record also has torch's own parameters, as `bfloat16`.
"""

import numpy as np
import torch
from pytorch_optimizer.optimizer.utils.matrix import zero_power_via_newton_schulz_5
from torch.optim import _muon

from . import files, muon_cases, trajectories


def in_own_type(gradient, coefficients, steps, eps):
    return zero_power_via_newton_schulz_5(gradient, steps, eps, weights=tuple(coefficients), dtype=gradient.dtype)


class Run(trajectories.Run):
    arrays = ("momentum_buffer",)

    def __init__(self, groups, initial, states, dtype):
        super().__init__(groups, initial, states, dtype)
        self.rounded = {
            name: torch.nn.Parameter(trajectories.tensor(array, dtype)) for name, array in initial.items()
        }
        self.rounded_optimizer = torch.optim.Muon(
            [{"params": [self.rounded[p.name] for p in group.parameters]} | group.options for group in groups]
        )

    def make_optimizer(self, groups):
        return torch.optim.Muon(groups)

    def more_of_record(self):
        return {"bfloat16": {name: files.base64_floats(value) for name, value in self.rounded.items()}}

    def step(self, gradients, changes):
        for name, parameter in self.rounded.items():
            gradient = gradients[name]
            parameter.grad = None if gradient is None else trajectories.tensor(gradient, self.dtype)
        self.rounded_optimizer.step()
        own = _muon._zeropower_via_newtonschulz
        _muon._zeropower_via_newtonschulz = in_own_type
        super().step(gradients, changes)
        _muon._zeropower_via_newtonschulz = own
        self.count = getattr(self, "count", 0) + 1

    def encoded(self, state):
        # torch's Muon counts no steps.
        return super().encoded(state | {"step": self.count})


def generate(output):
    for case in muon_cases.cases():
        record = trajectories.trajectory(case, Run)
        files.write(output / "OptimizersTests/Reference/muon" / f"{case.name}.json", record)
    files.write(output / "OptimizersTests/Reference/muon-orthogonalized.json", orthogonalized())


def orthogonalized():
    """Returns matrices after pytorch-optimizer's iteration in Float32, and after torch's own in BFloat16."""
    seed = [trajectories.SEED, 5]
    cases = []
    for matrix, condition in muon_cases.matrices(np.random.default_rng(seed)):
        gradient = torch.from_numpy(matrix)
        cases.append(
            {
                "shape": list(matrix.shape),
                "condition": condition,
                "matrix": files.base64_floats(gradient),
                "torch": files.base64_floats(
                    _muon._zeropower_via_newtonschulz(gradient, muon_cases.SIMPLE, 5, 1e-7).float()
                ),
                "results": [
                    {
                        "settings": {"ns_coefficients": name, "ns_steps": steps},
                        "result": files.base64_floats(
                            zero_power_via_newton_schulz_5(gradient, steps, weights=weights, dtype=torch.float32)
                        ),
                    }
                    for name, steps, weights in muon_cases.SETS
                ],
            }
        )
    return {"provenance": files.provenance(seed=seed), "cases": cases}

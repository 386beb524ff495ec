"""Trajectories of the real AdamW and Adafactor of galore-torch.

The signs of singular vectors are arbitrary, and moments keep their signs over a refresh. Therefore, the script gives the
package's vectors the signs that make their largest elements positive. bitsandbytes is needed only for the package's 8-bit
AdamW, so an empty module replaces it.
"""

import sys
import types
from importlib import metadata

import torch

from . import files, galore_cases, trajectories


def import_package():
    for name in ("bitsandbytes", "bitsandbytes.optim", "bitsandbytes.optim.optimizer"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["bitsandbytes.optim.optimizer"].Optimizer2State = torch.optim.Optimizer
    import galore_torch
    from galore_torch.galore_projector import GaLoreProjector

    decompose = GaLoreProjector.get_orthogonal_matrix

    def with_signs(self, weights, rank, type):
        vectors = decompose(self, weights, rank, type)
        if type == "full":
            return [positive(vectors[0], 0), positive(vectors[1], 1)]
        return positive(vectors, 0 if type == "left" else 1)

    GaLoreProjector.get_orthogonal_matrix = with_signs
    return galore_torch


def positive(matrix, axis):
    """Returns the vectors along an axis, each with its largest element positive."""
    largest = matrix.gather(axis, matrix.abs().argmax(axis, keepdim=True))
    return matrix * largest.sign()


def without_null(options):
    """Returns the options for the reference. A group without a rank is not projected and has none of the four keys."""
    projection = ("rank", "update_proj_gap", "scale", "proj_type")
    if options["rank"] is None:
        return {key: value for key, value in options.items() if key not in projection}
    return options


class Run(trajectories.Run):
    arrays = ("exp_avg", "exp_avg_sq", "exp_avg_sq_row", "exp_avg_sq_col", "projector_left", "projector_right")

    def state(self):
        return {
            name: self.encoded({**self.optimizer.state[parameter], "shape": parameter.shape})
            for name, parameter in self.parameters.items()
            if parameter in self.optimizer.state
        }

    def encoded(self, state):
        parts = {key: value for key, value in state.items() if key not in ("RMS", "projector", "shape")}
        if "projector" in state:
            projector = state["projector"]
            if projector.proj_type == "full":
                parts["projector_left"], parts["projector_right"] = projector.ortho_matrix
            else:
                rows, columns = state["shape"]
                is_left = {"left": True, "right": False, "std": rows < columns, "reverse_std": rows >= columns}
                side = "left" if is_left[projector.proj_type] else "right"
                parts[f"projector_{side}"] = projector.ortho_matrix
        return super().encoded(parts)


class AdamWRun(Run):
    def make_optimizer(self, groups):
        return import_package().GaLoreAdamW([without_null(group) for group in groups], no_deprecation_warning=True)


class AdafactorRun(Run):
    def make_optimizer(self, groups):
        return import_package().GaLoreAdafactor([without_null(group) for group in groups])


def generate(output):
    for folder, kind, cases in (
        ("galore_adamw", AdamWRun, galore_cases.adamw()),
        ("galore_adafactor", AdafactorRun, galore_cases.adafactor()),
    ):
        for case in cases:
            record = trajectories.trajectory(case, kind)
            record["provenance"]["galore-torch"] = metadata.version("galore-torch")
            files.write(output / "OptimizersTests/Reference" / folder / f"{case.name}.json", record)

"""Checks that our Adafactor and transformers' compute the same step, before anything is timed.

The reference runs in Float64 on the same inputs, because in Float32 its own sums are inaccurate for large tensors. The
allowed error of ours is the same as in Tests/OptimizersTests/LargeReferenceTests.swift.
"""

import math
import tempfile
from pathlib import Path

import numpy as np

from peers import inputs, process

STEPS = 4
# The allowed error relative to the largest displacement of a tensor, and relative to each second moment.
SHARE = 2e-6

# Every form of step: wide and tall matrices, batches of tiny and of larger ones, vectors, a scalar.
SHAPES = [[64, 48], [256, 256], [768, 8], [8, 768], [1, 5_000], [5_000, 1], [32, 16, 3, 3], [3, 70, 90], [300], [1], []]


def check(executable, backends, threads, workloads, progress):
    """Returns the largest error relative to the allowed error, and raises `Failure` if it is above 1."""
    worst = 0.0
    cases = [{"name": "all forms of tensors", "shapes": SHAPES}, *workloads]
    subject = process.ours(executable, threads, "parity")
    try:
        for case in cases:
            progress.show(f"checking that the steps are the same: {case['name']}")
            reference = Reference(case["shapes"])
            for backend in backends:
                with tempfile.TemporaryDirectory() as folder:
                    file = str(Path(folder) / "ours.safetensors")
                    subject.ask(
                        60, do="prepare", optimizer="adafactor", backend=backend, threads=threads, shapes=case["shapes"]
                    )
                    # `run` takes the same number of steps before the measured ones.
                    subject.ask(60, do="run", steps=STEPS // 2)
                    subject.ask(60, do="write", path=file)
                    error, place = reference.compare(file)
                if not error <= 1:
                    raise process.Failure(
                        f"On the backend {backend}, {case['name']}, {place} has {error:.3g} times the allowed error"
                        f" after {STEPS} steps: the programs do not compute the same."
                    )
                worst = max(worst, error)
            subject.ask(60, do="release")
    finally:
        subject.kill()
    return worst


class Reference:
    """The parameters and state of transformers after some steps."""

    def __init__(self, shapes):
        import torch
        from transformers import Adafactor

        self.initial = inputs.parameters(shapes)
        self.parameters = []
        for values, gradient in zip(self.initial, inputs.gradients(shapes)):
            parameter = torch.nn.Parameter(torch.from_numpy(values).double())
            parameter.grad = torch.from_numpy(gradient).double()
            self.parameters.append(parameter)
        self.optimizer = Adafactor(self.parameters)
        for _ in range(STEPS):
            self.optimizer.step()

    def compare(self, file):
        """Returns the largest error relative to the allowed error, and its place."""
        from safetensors import safe_open

        worst = (0.0, "nothing")
        with safe_open(file, "np") as ours:
            for index, parameter in enumerate(self.parameters):
                theirs = parameter.detach().numpy()
                displacement = np.abs(theirs - self.initial[index]).max()
                unit = float(np.spacing(np.float32(np.abs(theirs).max())))
                allowed = SHARE * displacement + STEPS * unit
                error = np.abs(ours.get_tensor(f"parameter.{index}") - theirs).max() / allowed
                worst = max(worst, (_number(error), f"parameter {index}"))

                state = self.optimizer.state[parameter]
                names = [name for name in ("exp_avg_sq_row", "exp_avg_sq_col", "exp_avg_sq") if name in state]
                for name in names:
                    theirs = state[name].numpy()
                    error = (np.abs(ours.get_tensor(f"{name}.{index}") - theirs) / theirs).max() / SHARE
                    worst = max(worst, (_number(error), f"{name} of parameter {index}"))
        return worst


def _number(error):
    """Returns the error as a number. NaN is the largest error."""
    return math.inf if math.isnan(error) else float(error)

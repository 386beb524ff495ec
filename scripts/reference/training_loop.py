"""The training loop around a step, from the real torch: clipping, loss scaling and accumulation, separately and in one loop."""

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from transformers import Adafactor

from . import files

SEED = 20_260_104
SHAPES = {"weight": [12, 7], "kernels": [2, 3, 5], "bias": [7]}
# The number of tokens of each micro-batch, by window: equal, unequal, a single micro-batch, and a shorter
# last window.
WINDOWS = [[8, 8, 8, 8], [3, 17, 1, 11], [5], [30, 2], [16, 4, 12], [9, 1]]


def parameters(values):
    return {name: torch.nn.Parameter(torch.from_numpy(value).clone()) for name, value in values.items()}


def encoded(tensors):
    return {name: files.base64_floats(tensor) for name, tensor in tensors.items()}


def drawn(generator, scale=1.0):
    return {
        name: (scale * generator.standard_normal(shape)).astype(np.float32) for name, shape in SHAPES.items()
    }


def with_element(gradients, value):
    """Returns the same gradients with one element of the bias replaced."""
    changed = {name: gradient.copy() for name, gradient in gradients.items()}
    changed["bias"][3] = value
    return changed


# Clipping


def clipped(gradients, clip):
    """Returns the gradients after `clip`, and its result."""
    members = parameters(gradients)
    for name, parameter in members.items():
        parameter.grad = torch.from_numpy(gradients[name]).clone()
    returned = clip(list(members.values()))
    return {name: parameter.grad for name, parameter in members.items()}, returned


def norm_cases(generator):
    plain = drawn(generator)
    orders = (2.0, 1.0, 3.5, "inf")
    cases = [(plain, maximum, order) for maximum in (0.0, 0.5, 10.0, 100.0) for order in orders]
    cases += [(drawn(generator, scale), 1.0, 2.0) for scale in (1e-12, 1e-6, 1e6)]
    cases += [(with_element(plain, value), 0.5, order) for value in (np.nan, -np.inf) for order in orders]
    for gradients, maximum, order in cases:
        after, norm = clipped(gradients, lambda members: clip_grad_norm_(members, maximum, norm_type=order))
        yield {
            "maximum": maximum,
            "normType": str(order),
            "gradients": encoded(gradients),
            "norm": float(norm),
            "clipped": encoded(after),
        }


def value_cases(generator):
    plain = drawn(generator)
    cases = [(plain, maximum) for maximum in (0.0, 0.25, 100.0)]
    cases += [(with_element(plain, value), 0.25) for value in (np.nan, -np.inf)]
    for gradients, maximum in cases:
        after, _ = clipped(gradients, lambda members: clip_grad_value_(members, maximum))
        yield {"maximum": maximum, "gradients": encoded(gradients), "clipped": encoded(after)}


# The loss scale


def scaler_case(settings, finite):
    """Returns the scale and the number of finite steps after each update."""
    scaler = torch.amp.GradScaler("cpu", **settings)
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([parameter], lr=0.0)
    record = []
    for is_finite in finite:
        scaler.scale(torch.zeros(()))
        parameter.grad = torch.full((3,), 1.0 if is_finite else float("inf"))
        scaler.step(optimizer)
        scaler.update()
        state = scaler.state_dict()
        tracker = state["_growth_tracker"]
        record.append({"finite": is_finite, "scale": state["scale"], "growthTracker": tracker})
    return {"settings": settings, "stateNames": sorted(state), "updates": record}


def scaler_cases(generator):
    yield scaler_case({}, [True] * 3 + [False] * 2 + [True])
    mixed = [bool(value) for value in generator.uniform(size=40) > 0.2]
    yield scaler_case({"init_scale": 1024.0, "growth_interval": 3}, mixed)
    uneven = {"init_scale": 1000.0, "growth_factor": 1.37, "backoff_factor": 0.61, "growth_interval": 2}
    yield scaler_case(uneven, mixed)
    yield scaler_case({"init_scale": 3e38, "growth_interval": 1}, [True, True, False, True, True])


# The loop


def model_loss(members, inputs, targets):
    """Returns the mean over tokens of a model that uses every parameter and is linear in none."""
    hidden = torch.tanh(inputs @ members["weight"] + members["bias"])
    kernels = members["kernels"].reshape(6, 5)
    return ((hidden[:, :6] @ kernels - targets) ** 2).mean()


def batch(generator, tokens):
    return (
        torch.from_numpy(generator.standard_normal((tokens, 12)).astype(np.float32)),
        torch.from_numpy(generator.standard_normal((tokens, 5)).astype(np.float32)),
    )


def loop(generator, name, *, scaled, maximum, overflow_at=None):
    """Runs the loop of the large batch, and computes the gradients of its micro-batches at the same parameters."""
    initial = drawn(generator, 0.3)
    members = parameters(initial)
    optimizer = Adafactor(list(members.values()))
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=2, enabled=scaled)
    steps = []
    for index, window in enumerate(WINDOWS):
        batches = [batch(generator, tokens) for tokens in window]
        micro = []
        for tokens, (inputs, targets) in zip(window, batches):
            loss = scaler.scale(model_loss(members, inputs, targets))
            gradients = torch.autograd.grad(loss, list(members.values()))
            micro.append({"tokens": tokens, "gradients": encoded(dict(zip(members, gradients)))})
        inputs, targets = (torch.cat(parts) for parts in zip(*batches))
        optimizer.zero_grad()
        scaler.scale(model_loss(members, inputs, targets)).backward()
        if index == overflow_at:
            gradients = torch.autograd.grad(
                scaler.scale(model_loss(members, *batches[0])), list(members.values())
            )
            gradients[0][0, 0] = float("inf")
            micro[0]["gradients"] = encoded(dict(zip(members, gradients)))
            members["weight"].grad[0, 0] = float("inf")
        scaler.unscale_(optimizer)
        norm = None if maximum is None else float(clip_grad_norm_(members.values(), maximum))
        scaler.step(optimizer)
        scaler.update()
        steps.append(
            {
                "microBatches": micro,
                "norm": norm,
                "gradients": encoded({name: parameter.grad for name, parameter in members.items()}),
                "scale": scaler.get_scale(),
                "parameters": encoded(members),
            }
        )
    return {
        "provenance": files.provenance(seed=SEED),
        "case": name,
        "maximum": maximum,
        "scaled": scaled,
        "initial": [
            {"name": name, "shape": shape, "initial": files.base64_floats(initial[name])}
            for name, shape in SHAPES.items()
        ],
        "steps": steps,
    }


def generate(output):
    folder = output / "OptimizersTests/Reference/training"

    def generator(part):
        return np.random.default_rng([SEED, part])

    files.write(
        folder / "clipping.json",
        {
            "provenance": files.provenance(seed=SEED),
            "shapes": SHAPES,
            "norms": list(norm_cases(generator(0))),
            "values": list(value_cases(generator(1))),
        },
    )
    files.write(
        folder / "loss-scaler.json",
        {"provenance": files.provenance(seed=SEED), "cases": list(scaler_cases(generator(2)))},
    )
    files.write(
        folder / "accumulation.json",
        loop(generator(3), "Micro-batches against one large batch.", scaled=False, maximum=None),
    )
    files.write(
        folder / "whole-loop.json",
        loop(
            generator(4),
            "Accumulated, un-scaled, clipped, stepped; one window overflows.",
            scaled=True,
            maximum=0.2,
            overflow_at=3,
        ),
    )

"""The cases of the GaLore trajectories.

All gradients of projected matrices have equally spaced singular values, because the vectors of equal values are arbitrary,
and the vectors of close or small values are inexact.
"""

import numpy as np

from .cases import Case, Group, Parameter, parameters

PROJECTION = {"rank": 2, "update_proj_gap": 3, "scale": 0.25, "proj_type": "std"}
ADAMW = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-6, "weight_decay": 0.0, "correct_bias": True}
ADAFACTOR = {
    "lr": None,
    "eps": (1e-30, 1e-3),
    "clip_threshold": 1.0,
    "decay_rate": -0.8,
    "beta1": None,
    "weight_decay": 0.0,
    "scale_parameter": True,
    "relative_step": True,
    "warmup_init": False,
}
CONSTANT = {"lr": 1e-2, "relative_step": False, "scale_parameter": False}
MATRICES = [[5, 7], [7, 5], [6, 6]]
OTHERS = [[], [7], [5, 7], [2, 3, 4]]
KINDS = ("std", "reverse_std", "left", "right", "full")


def reflected(generator, matrix):
    """Returns a matrix times a random reflection."""
    normal = generator.standard_normal(matrix.shape[1])
    return matrix - np.outer(matrix @ normal, 2 * normal / np.sum(normal * normal))


def separated(generator, shape, step):
    """Draws a matrix with the singular values n, n - 1, …, 1. Other tensors are drawn as usual."""
    if len(shape) != 2:
        return generator.standard_normal(shape)
    matrix = np.eye(*shape) * (min(shape) - np.arange(shape[1]))
    for _ in range(2):
        matrix = reflected(generator, reflected(generator, matrix).T).T
    return matrix


def swelling(generator, shape, step):
    """Draws gradients that grow tenfold every third step, so that updates are clipped."""
    return 10.0 ** (step // 3) * separated(generator, shape, step)


def common(defaults, momentum, full):
    """Yields the cases of both optimizers.

    `momentum` are options that keep moments of both signs, and `full` are additional options for the kind of this name.
    """

    def group(options, members):
        return Group(defaults | PROJECTION | options, members)

    def simple(name, sentence, options, shapes=MATRICES, gradients=separated, **more):
        return Case(name, sentence, [group(options, parameters(shapes, gradients))], **more)

    for kind in KINDS:
        yield simple(
            f"kind-{kind}",
            f"proj_type {kind}, over three refreshes.",
            momentum | {"proj_type": kind} | (full if kind == "full" else {}),
        )
    for kind in ("std", "left", "right", "full"):
        yield simple(
            f"rank-large-{kind}",
            f"proj_type {kind} and a rank above both axes.",
            momentum | {"proj_type": kind, "rank": 128} | (full if kind == "full" else {}),
            steps=5,
        )
    yield simple("rank-1", "rank 1.", momentum | {"rank": 1})
    yield simple("gap-1", "A refresh in every step.", momentum | {"update_proj_gap": 1}, steps=5)
    yield simple("gap-200", "One decomposition.", momentum | {"update_proj_gap": 200})
    yield simple("scale", "scale 2.", momentum | {"scale": 2.0})
    yield simple("growing", "Gradients that grow tenfold every third step.", momentum, gradients=swelling)
    yield simple("weight-decay", "weight_decay 0.1.", momentum | {"weight_decay": 0.1})
    yield simple("without-rank", "A group without a rank.", momentum | {"rank": None}, OTHERS)
    yield Case(
        "groups",
        "A group with a rank, and one without.",
        [
            group(momentum, parameters(MATRICES, separated)),
            group({"rank": None}, [Parameter(shape, f"rest.{len(shape)}") for shape in OTHERS]),
        ],
    )
    yield Case(
        "gradients-absent",
        "Parameters without a gradient in some steps, from some step on, and in all of them.",
        [group(momentum, [parameter]) for parameter in absent_matrices()],
        steps=12,
    )

    def changed(step):
        return [{"group": 0, "lr": 1e-2 * step} | ({"weight_decay": 0.3} if step == 4 else {})]

    yield simple("options-changed", "A rate and a decay that change.", momentum, changes=changed)


def absent_matrices():
    """Returns matrices with gradients of separated singular values, in the steps of the common case."""
    steps = {"always": None, "odd": range(1, 13, 2), "late": range(4, 13), "early": range(1, 4), "never": ()}
    for name, chosen in steps.items():
        yield Parameter([5, 7], name, separated_in(chosen))


def separated_in(steps):
    def draw(generator, shape, step):
        gradient = separated(generator, shape, step)
        return gradient if steps is None or step in steps else None

    return draw


def adamw():
    yield Case(
        "defaults",
        "All defaults, with transformers' projection.",
        [
            Group(
                ADAMW | {"rank": 128, "update_proj_gap": 200, "scale": 0.25, "proj_type": "std"},
                parameters(MATRICES, separated),
            )
        ],
    )
    # A gradient is diagonal in both of its own bases. A small eps would turn rounding errors outside the
    # diagonal into steps.
    yield from common(ADAMW, {}, full={"eps": 0.1})
    everything = {
        "lr": 0.02,
        "betas": (0.8, 0.95),
        "eps": 1e-4,
        "weight_decay": 0.1,
        "correct_bias": False,
        "scale": 0.5,
        "proj_type": "right",
    }
    yield Case(
        "everything",
        "Every option away from its default.",
        [Group(ADAMW | PROJECTION | everything, parameters(MATRICES, separated))],
    )


def adafactor():
    yield Case(
        "defaults",
        "All defaults, with transformers' projection.",
        [
            Group(
                ADAFACTOR | {"rank": 128, "update_proj_gap": 200, "scale": 0.25, "proj_type": "std"},
                parameters(MATRICES, separated),
            )
        ],
    )
    yield from common(ADAFACTOR, CONSTANT | {"beta1": 0.9}, full={})
    yield Case(
        "without-momentum",
        "No beta1, a relative rate with warmup, scaled parameters.",
        [Group(ADAFACTOR | PROJECTION | {"warmup_init": True}, parameters(MATRICES, separated))],
    )
    everything = CONSTANT | {
        "eps": (1e-6, 0.5),
        "clip_threshold": 0.5,
        "decay_rate": -0.5,
        "beta1": 0.7,
        "weight_decay": 0.1,
        "scale_parameter": True,
        "scale": 0.5,
        "proj_type": "left",
    }
    yield Case(
        "everything",
        "Every option away from its default.",
        [Group(ADAFACTOR | PROJECTION | everything, parameters(MATRICES, separated))],
    )

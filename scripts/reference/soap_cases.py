"""The cases of the SOAP trajectories.

Eigenvectors are unique up to their signs only if eigenvalues are distinct, and Adam's division makes the parameter depend on
the basis. Therefore, every preconditioner has full rank and well-separated eigenvalues after the first gradient: matrices are
square, or their long axis has no preconditioner, and first gradients have the singular values 1, 2, 3, ...
"""

import math

import numpy as np

from .cases import Case, Group, Parameter, parameters
from .draws import normal

DEFAULTS = {
    "lr": 3e-3,
    "betas": (0.95, 0.95),
    "shampoo_beta": -1,
    "eps": 1e-8,
    "weight_decay": 1e-2,
    "precondition_frequency": 10,
    "max_precond_dim": 10000,
    "merge_dims": False,
    "precondition_1d": False,
    "normalize_grads": False,
    "correct_bias": True,
}
SMALL = [[5, 5], [3, 3, 3]]
STEPS = 12


def separated(generator, shape, step):
    """Draws normally distributed gradients. The first gradient of a matrix has the singular values 1, 2, 3, ..."""
    gradient = generator.standard_normal(shape)
    if step > 1 or len(shape) != 2:
        return gradient
    u, values, v = np.linalg.svd(gradient, full_matrices=False)
    return u * np.arange(len(values), 0, -1) @ v


def merging(rows):
    """Returns the draw of a tensor that is a matrix with `rows` rows when its axes are merged."""

    def draw(generator, shape, step):
        return separated(generator, (rows, math.prod(shape) // rows), step).reshape(shape)

    return draw


def simple(name, sentence, options, shapes=SMALL, steps=STEPS, **more):
    """Returns a case of one group with one parameter per shape."""
    return Case(name, sentence, [Group(DEFAULTS | options, parameters(shapes, separated))], steps, **more)


def cases():
    yield simple(
        "defaults", "All defaults, on tensors of many shapes.", {}, [[], [1], [7], [1, 1], *SMALL, [8, 8]], 23
    )
    yield simple("frequency-1", "A refresh after every update.", {"precondition_frequency": 1})
    yield simple("frequency-3", "A refresh every third update.", {"precondition_frequency": 3})
    yield simple("shampoo-beta", "shampoo_beta 0.5.", {"shampoo_beta": 0.5, "precondition_frequency": 2})
    yield simple("betas", "betas 0.9 and 0.8.", {"betas": (0.9, 0.8), "precondition_frequency": 4})
    yield simple("eps", "eps 0.1.", {"eps": 0.1, "precondition_frequency": 4})
    yield simple("weight-decay-0", "No weight decay.", {"weight_decay": 0.0})
    yield simple("weight-decay-large", "lr 0.1 and weight_decay 0.5.", {"lr": 0.1, "weight_decay": 0.5})
    yield simple("normalized", "normalize_grads.", {"normalize_grads": True, "precondition_frequency": 5})
    yield simple("uncorrected", "Without bias correction.", {"correct_bias": False})
    yield simple(
        "long-axes",
        "Axes that are longer than max_precond_dim: one of them, all, the middle one of three.",
        {"max_precond_dim": 5, "precondition_frequency": 3},
        [[5, 9], [9, 5], [6, 7], [3, 6, 4], [1, 6], [6, 1]],
    )
    yield Case(
        "merged",
        "merge_dims, on tensors that become square matrices.",
        [
            Group(
                DEFAULTS | {"merge_dims": True, "max_precond_dim": 6, "precondition_frequency": 3},
                [
                    Parameter(shape, f"merged{index}", merging(rows))
                    for index, (rows, shape) in enumerate([(6, [2, 3, 6]), (4, [4, 1, 4]), (4, [2, 2, 4]), (5, [5, 5])])
                ],
            )
        ],
        STEPS,
    )
    yield Case(
        "groups",
        "Two groups, and a rate set before every step.",
        [
            Group(DEFAULTS | options, [Parameter(shape, f"group{index}.{len(shape)}", separated) for shape in SMALL])
            for index, options in enumerate(({}, {"precondition_frequency": 2, "betas": (0.9, 0.95)}))
        ],
        STEPS,
        changes=lambda step: [{"group": 0, "lr": 1e-2 * min(step - 1, 4) / 4}],
    )

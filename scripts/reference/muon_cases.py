"""The cases of the Muon trajectories."""

import numpy as np

from .cases import Case, Group, parameters
from .draws import as_float32, constant, not_a_number

DEFAULTS = {
    "lr": 1e-3,
    "weight_decay": 0.1,
    "momentum": 0.95,
    "nesterov": True,
    "ns_coefficients": (3.4445, -4.7750, 2.0315),
    "eps": 1e-7,
    "ns_steps": 5,
    "adjust_lr_fn": None,
}
SHAPES = [[6, 6], [5, 9], [9, 5], [1, 7], [7, 1], [1, 1]]


def simple(name, sentence, options, shapes=SHAPES, gradients=None, values=None, **more):
    """Returns a case of one group with one parameter per shape."""
    group = Group(DEFAULTS | options, parameters(shapes, gradients, values))
    return Case(name, sentence, [group], steps=5, **more)


def cases():
    yield simple("defaults", "All defaults.", {}, [[12, 12], [8, 20], [20, 8], [1, 7], [7, 1], [1, 1]])
    yield simple("plain", "No nesterov, no decay.", {"nesterov": False, "weight_decay": 0.0})
    for function in ("original", "match_rms_adamw", "spectral_unclamped"):
        yield simple(function.replace("_", "-"), f"adjust_lr_fn {function}.", {"adjust_lr_fn": function})
    everything = {
        "lr": 0.02,
        "weight_decay": 0.5,
        "momentum": 0.8,
        "ns_coefficients": (2.0, -1.5, 0.5),
        "eps": 1e-3,
        "ns_steps": 8,
    }
    yield simple("everything", "Every number away from its default.", everything)
    updates = {"lr": 1.0, "weight_decay": 0.0}
    yield simple("updates", "From zero at rate 1: rounding hides nothing.", updates, values=constant(0.0))
    yield simple("gradients-zero", "Gradients of zeros: only the decay.", {}, gradients=constant(0.0))
    yield simple(
        "gradients-nan", "One NaN in step 3.", {}, [[5, 7], [7, 5]], gradients=not_a_number((1, 2), 3), has_nan=True
    )


def singular(generator, shape, values):
    """Returns a matrix with these singular values."""
    count = len(values)
    left = np.linalg.qr(generator.standard_normal((shape[0], count)))[0]
    right = np.linalg.qr(generator.standard_normal((shape[1], count)))[0]
    return as_float32(left * values @ right.T, shape)


def matrices(generator):
    """Returns the matrices that are orthogonalized, and the condition numbers of the well-conditioned ones."""
    for shape in ([16, 16], [8, 24], [24, 8]):
        yield singular(generator, shape, np.linspace(1, 4, min(shape))), 4
    yield as_float32(100 * generator.standard_normal([1, 9]), [1, 9]), 1
    yield as_float32(1e-6 * generator.standard_normal([9, 1]), [9, 1]), 1
    yield singular(generator, [12, 16], np.array([1.0, 2.0, 3.0])), None
    yield as_float32(generator.standard_normal([16, 16]), [16, 16]), None
    yield as_float32(np.zeros([3, 4]), [3, 4]), None


SIMPLE = (3.4445, -4.7750, 2.0315)
CUBIC5 = (
    (3.3656576, -3.3420992, 0.0),
    (2.5744352, -1.4957376, 0.0),
    (2.5368962, -1.4312570, 0.0),
    (2.4418906, -1.2764040, 0.0),
    (2.2230472, -0.9630650, 0.0),
)
POLAR_EXPRESS = (
    (8.2051, -22.9019, 16.4607),
    (4.0664, -2.8612, 0.5184),
    (3.9096, -2.8234, 0.5250),
    (3.2856, -2.4153, 0.4853),
    (2.2779, -1.6198, 0.3985),
    (1.8726, -1.2307, 0.3585),
    (1.8564, -1.2132, 0.3568),
    (1.8750, -1.2500, 0.3750),
)
SETS = (
    # The name in our settings, the number of steps, and the reference's weights, by name if the reference has
    # the set.
    ("simple", 5, "original"),
    ("simple", 0, "original"),
    ("quintic", 5, "quintic"),
    ("polar_express", 5, POLAR_EXPRESS),
    ("polar_express", 10, POLAR_EXPRESS),
    ("deepseek_v4", 10, (SIMPLE,) * 8 + ((2.0, -1.5, 0.5),) * 2),
    ("cubic5", 5, CUBIC5),
)

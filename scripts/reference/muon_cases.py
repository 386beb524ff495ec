"""What the Muon trajectories cover."""

from .cases import Case, Group, parameters
from .draws import constant, not_a_number

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


def simple(name, sentence, options, shapes=SHAPES, gradients=None, **more):
    """One group with one parameter of each shape."""
    return Case(name, sentence, [Group(DEFAULTS | options, parameters(shapes, gradients))], steps=5, **more)


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
    yield simple("gradients-zero", "Gradients of zeros: only the decay.", {}, gradients=constant(0.0))
    yield simple(
        "gradients-nan", "One NaN in step 3.", {}, [[5, 7], [7, 5]], gradients=not_a_number((1, 2), 3), has_nan=True
    )

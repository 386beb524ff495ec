"""The cases of the AdamW trajectories."""

import numpy as np

from .cases import (
    Case,
    Group,
    Parameter,
    absent_parameters,
    groups_of_options,
    parameters,
    parameters_scaled,
    zeroed_parameters,
)
from .draws import constant, log_uniform, normal, not_a_number

DEFAULTS = {
    "lr": 1e-3,
    "betas": (0.9, 0.999),
    "eps": 1e-8,
    "weight_decay": 1e-2,
    "amsgrad": False,
    "maximize": False,
}
SMALL = [[], [7], [5, 7]]
SHAPES = [[], [1], [7], [8], [33], [1, 9], [5, 7], [3, 4, 5]]


def group(options, members):
    return Group(DEFAULTS | options, members)


def simple(name, sentence, options, shapes=SMALL, gradients=None, values=None, **more):
    """Returns a case of one group with one parameter per shape."""
    return Case(name, sentence, [group(options, parameters(shapes, gradients, values))], **more)


def shrinking(generator, shape, step):
    """Draws gradients that shrink tenfold every third step, so that the largest second moment stays above the latest."""
    return 10.0 ** -(step // 3) * generator.standard_normal(shape)


def state_at(step, with_maximum):
    """Returns a draw of the state of a parameter after `step` steps."""

    def draw(generator, shape):
        def moments(scale):
            return (scale * generator.uniform(0.5, 1.5, shape)).astype(np.float32)

        state = {"step": step, "exp_avg": moments(0.1), "exp_avg_sq": moments(1.0)}
        if with_maximum:
            state["max_exp_avg_sq"] = moments(2.0)
        return state

    return draw


def option_cases():
    """Each option by itself, then together."""
    yield simple("defaults", "All defaults, on tensors of many shapes.", {}, SHAPES)
    yield simple("defaults-long", "All defaults over forty steps.", {}, [[7]], steps=40)
    yield simple("rate-large", "lr 0.1.", {"lr": 0.1})
    yield simple("rate-small", "lr 1e-6.", {"lr": 1e-6})
    for decay in (0.0, 0.1):
        yield simple(f"weight-decay-{decay:g}", f"weight_decay {decay:g}.", {"weight_decay": decay})
    yield simple("weight-decay-large", "lr 0.1 and weight_decay 1.", {"lr": 0.1, "weight_decay": 1.0})
    for eps in (0.0, 1e-15, 1e-3):
        yield simple(f"eps-{eps:g}", f"eps {eps:g}.", {"eps": eps})
    for betas in ((0.0, 0.99), (0.5, 0.9), (0.3, 0.2), (0.95, 0.9999), (0.0, 0.0)):
        yield simple(f"betas-{betas[0]:g}-{betas[1]:g}", f"betas {betas}.", {"betas": betas}, steps=12)
    yield simple(
        "amsgrad", "amsgrad on gradients that shrink.", {"amsgrad": True}, gradients=shrinking, steps=12
    )
    yield simple("maximize", "maximize.", {"maximize": True})
    everything = {
        "lr": 3e-3,
        "betas": (0.8, 0.95),
        "eps": 1e-5,
        "weight_decay": 0.1,
        "amsgrad": True,
        "maximize": True,
    }
    yield simple("everything", "Every option away from its default.", everything, SHAPES, gradients=shrinking)


def gradient_cases():
    """Gradients of every magnitude, zero, constant, absent, not a number."""
    yield simple(
        "gradients-log-uniform",
        "Elements of the gradient spread from 1e-9 to 1e3.",
        {},
        [[33], [5, 7]],
        gradients=log_uniform(-9, 3),
    )
    yield Case(
        "gradients-scaled",
        "Each tensor's gradients of one scale, from 1e-25 (whose square is zero in float32) to 1e15.",
        [
            group(
                {"amsgrad": amsgrad},
                [
                    Parameter([9], f"{amsgrad}.{scale:g}", gradients=normal(scale))
                    for scale in (1e-25, 1e-15, 1e-11, 1e-6, 1e6, 1e15)
                ],
            )
            for amsgrad in (False, True)
        ],
    )
    yield Case(
        "gradients-zero",
        "A gradient that is zero everywhere or in places; always, or for five steps.",
        [
            group(
                options,
                zeroed_parameters(f"{kind}."),
            )
            for kind, options in (("defaults", {}), ("amsgrad", {"amsgrad": True, "weight_decay": 0.0}))
        ],
    )
    yield simple(
        "gradients-constant", "The same gradient in every step.", {}, gradients=constant(0.3), steps=20
    )
    yield Case(
        "gradients-absent",
        "Parameters without a gradient in some steps, from some step on, and in all of them.",
        [
            group(
                options,
                absent_parameters(f"{kind}."),
            )
            for kind, options in (("defaults", {}), ("amsgrad", {"amsgrad": True}))
        ],
        steps=12,
    )
    yield Case(
        "gradients-nan",
        "One NaN at step 3: that element becomes NaN and stays so, no other.",
        [
            group(
                {"amsgrad": amsgrad},
                [
                    Parameter([5, 7], f"{amsgrad}.matrix", not_a_number((1, 2), at=3)),
                    Parameter([7], f"{amsgrad}.untouched"),
                ],
            )
            for amsgrad in (False, True)
        ],
        steps=5,
        has_nan=True,
    )


def surrounding_cases():
    """Groups, changing options, imported states, parameters of every magnitude."""
    options = [
        {},
        {"lr": 1e-2, "betas": (0.8, 0.99), "weight_decay": 0.0},
        {"amsgrad": True, "eps": 1e-4, "weight_decay": 0.1},
        {"lr": 1e-4, "maximize": True},
    ]
    yield groups_of_options("Four groups that differ in every option.", group, options)

    def changed(step):
        rate = {"group": 0, "lr": 1e-2 * min(step - 1, 4) / 4}
        more = {4: {"betas": (0.7, 0.9)}, 6: {"weight_decay": 0.3, "eps": 1e-4}}
        return [rate | more.get(step, {})]

    yield simple(
        "options-changed",
        "The rate set before every step, from 0 up, and other options changed between steps.",
        {},
        changes=changed,
    )
    yield Case(
        "state-imported",
        "States of 999 to 9,999,999 steps continued.",
        [
            group(
                {"amsgrad": amsgrad},
                [
                    Parameter([7], f"{amsgrad}.{step}", state=state_at(step, amsgrad))
                    for step in (999, 99_999, 9_999_999)
                ],
            )
            for amsgrad in (False, True)
        ],
    )
    yield parameters_scaled(lambda members: group({"weight_decay": 0.1}, members))


def cases():
    yield from option_cases()
    yield from gradient_cases()
    yield from surrounding_cases()

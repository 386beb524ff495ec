"""The cases of the Lion trajectories."""

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
from .draws import constant, log_uniform, normal

DEFAULTS = {"lr": 1e-4, "betas": (0.9, 0.99), "weight_decay": 0.0}
SMALL = [[], [7], [5, 7]]
SHAPES = [[], [1], [7], [8], [33], [1, 9], [5, 7], [3, 4, 5]]
DECAYING = {"lr": 1e-3, "weight_decay": 0.1}


def group(options, members):
    return Group(DEFAULTS | options, members)


def simple(name, sentence, options, shapes=SMALL, gradients=None, **more):
    """Returns a case of one group with one parameter per shape."""
    return Case(name, sentence, [group(options, parameters(shapes, gradients))], **more)


def state_at(step):
    def draw(generator, shape):
        return {"step": step, "exp_avg": generator.standard_normal(shape).astype(np.float32)}

    return draw


def cases():
    yield simple("defaults", "All defaults, on tensors of many shapes.", {}, SHAPES)
    yield simple("defaults-long", "All defaults over forty steps.", {}, [[7]], steps=40)
    yield simple("rate-large", "lr 0.1.", {"lr": 0.1})
    yield simple("weight-decay", "weight_decay 0.1.", {"weight_decay": 0.1})
    yield simple("weight-decay-large", "lr 0.1 and weight_decay 1.", {"lr": 0.1, "weight_decay": 1.0})
    for betas in ((0.0, 0.99), (0.5, 0.9), (0.95, 0.98), (0.0, 0.0)):
        yield simple(f"betas-{betas[0]:g}-{betas[1]:g}", f"betas {betas}.", {"betas": betas}, steps=12)
    yield simple(
        "everything",
        "Every option away from its default.",
        {"lr": 3e-3, "betas": (0.8, 0.95), "weight_decay": 0.1},
        SHAPES,
    )
    yield simple(
        "gradients-log-uniform",
        "Elements of the gradient spread from 1e-9 to 1e3.",
        {},
        [[33], [5, 7]],
        gradients=log_uniform(-9, 3),
    )
    yield Case(
        "gradients-scaled",
        "Each tensor's gradients of one scale, from 1e-25 to 1e15.",
        [
            group(
                DECAYING,
                [
                    Parameter([9], f"{scale:g}", gradients=normal(scale))
                    for scale in (1e-25, 1e-15, 1e-6, 1e6, 1e15)
                ],
            )
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
            for kind, options in (("defaults", {}), ("decaying", DECAYING))
        ],
    )
    yield simple("gradients-constant", "The same gradient in every step.", {}, gradients=constant(0.3))
    yield Case(
        "gradients-absent",
        "Parameters without a gradient in some steps, from some step on, and in all of them.",
        [
            group(
                DECAYING,
                absent_parameters(),
            )
        ],
        steps=12,
    )
    options = [{}, {"lr": 1e-2, "betas": (0.8, 0.99)}, DECAYING]
    yield groups_of_options("Three groups that differ in their options.", group, options)

    def changed(step):
        rate = {"group": 0, "lr": 1e-2 * min(step - 1, 4) / 4}
        more = {4: {"betas": (0.7, 0.9)}, 6: {"weight_decay": 0.3}}
        return [rate | more.get(step, {})]

    yield simple(
        "options-changed",
        "The rate set before every step, from 0 up, and other options changed between steps.",
        {},
        changes=changed,
    )
    yield Case(
        "state-imported",
        "States of 1 to 9,999 steps continued.",
        [group({}, [Parameter([7], f"after.{step}", state=state_at(step)) for step in (1, 99, 9_999)])],
    )
    yield parameters_scaled(lambda members: group(DECAYING, members))

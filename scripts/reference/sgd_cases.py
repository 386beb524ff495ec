"""The cases of the SGD trajectories."""

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
from .draws import constant, log_uniform, not_a_number

DEFAULTS = {
    "lr": 1e-3,
    "momentum": 0.0,
    "dampening": 0.0,
    "weight_decay": 0.0,
    "nesterov": False,
    "maximize": False,
}
SMALL = [[], [7], [5, 7]]
SHAPES = [[], [1], [7], [8], [33], [1, 9], [5, 7], [3, 4, 5]]
NESTEROV = {"momentum": 0.9, "nesterov": True}


def group(options, members):
    return Group(DEFAULTS | options, members)


def simple(name, sentence, options, shapes=SMALL, gradients=None, **more):
    """Returns a case of one group with one parameter per shape."""
    return Case(name, sentence, [group(options, parameters(shapes, gradients))], **more)


def state_at(step):
    def draw(generator, shape):
        return {"step": step, "momentum_buffer": generator.standard_normal(shape).astype(np.float32)}

    return draw


def option_cases():
    """Each option by itself, then together."""
    yield simple("defaults", "All defaults, on tensors of many shapes.", {}, SHAPES)
    yield simple("rate-large", "lr 0.1.", {"lr": 0.1})
    yield simple("weight-decay", "weight_decay 0.1.", {"weight_decay": 0.1})
    yield simple("momentum-0.9", "momentum 0.9, on tensors of many shapes.", {"momentum": 0.9}, SHAPES)
    yield simple("momentum-0.5", "momentum 0.5 over forty steps.", {"momentum": 0.5}, [[7]], steps=40)
    yield simple("momentum-1", "momentum 1.", {"momentum": 1.0})
    yield simple("dampening", "momentum 0.9 and dampening 0.3.", {"momentum": 0.9, "dampening": 0.3})
    yield simple("dampening-1", "dampening 1.", {"momentum": 0.9, "dampening": 1.0})
    yield simple("nesterov", "Nesterov momentum.", NESTEROV, SHAPES)
    yield simple("maximize", "maximize with weight_decay.", {"maximize": True, "weight_decay": 0.1})
    everything = {"lr": 0.03, "momentum": 0.8, "weight_decay": 0.1, "maximize": True}
    yield simple("everything", "Options away from their defaults.", everything | {"dampening": 0.2}, SHAPES)
    yield simple("everything-nesterov", "The same with nesterov.", everything | {"nesterov": True}, SHAPES)


def gradient_cases():
    """Gradients of every magnitude, zero, constant, absent, not a number."""
    kinds = (("plain", {"weight_decay": 0.1}), ("nesterov", NESTEROV))
    yield simple(
        "gradients-log-uniform",
        "Elements of the gradient spread from 1e-9 to 1e3.",
        NESTEROV,
        [[33], [5, 7]],
        gradients=log_uniform(-9, 3),
    )
    yield Case(
        "gradients-zero",
        "A gradient that is zero everywhere or in places; always, or for five steps.",
        [
            group(
                options,
                zeroed_parameters(f"{kind}."),
            )
            for kind, options in kinds
        ],
    )
    yield simple("gradients-constant", "The same gradient in every step.", NESTEROV, gradients=constant(0.3))
    yield Case(
        "gradients-absent",
        "Parameters without a gradient in some steps, from some step on, and in all of them.",
        [
            group(
                options,
                absent_parameters(f"{kind}."),
            )
            for kind, options in kinds + (("dampened", {"momentum": 0.9, "dampening": 0.5}),)
        ],
        steps=12,
    )
    yield Case(
        "gradients-nan",
        "One NaN at step 3: that element becomes NaN and stays so, no other.",
        [
            group(
                options,
                [
                    Parameter([5, 7], f"{kind}.matrix", not_a_number((1, 2), at=3)),
                    Parameter([7], f"{kind}.untouched"),
                ],
            )
            for kind, options in kinds
        ],
        steps=5,
        has_nan=True,
    )


def surrounding_cases():
    """Groups, changing options, imported states."""
    options = [{}, {"lr": 1e-2, "momentum": 0.9}, NESTEROV | {"weight_decay": 0.1}, {"maximize": True}]
    yield groups_of_options("Four groups that differ in their options.", group, options)

    def changed(step):
        rate = {"group": 0, "lr": 1e-2 * min(step - 1, 4) / 4}
        more = {4: {"momentum": 0.9, "dampening": 0.5}, 6: {"weight_decay": 0.3}, 8: {"momentum": 0.0}}
        return [rate | more.get(step, {}) | ({"momentum": 0.8} if step == 9 else {})]

    yield simple(
        "options-changed",
        "The rate set before every step; a momentum added at step 4, left out at step 8, continued at step 9.",
        {},
        changes=changed,
    )
    yield Case(
        "state-imported",
        "States of 1 to 9,999 steps continued.",
        [
            group(
                {"momentum": 0.9, "dampening": 0.5},
                [Parameter([7], f"after.{step}", state=state_at(step)) for step in (1, 99, 9_999)],
            )
        ],
    )
    yield parameters_scaled(lambda members: group(NESTEROV | {"weight_decay": 0.1}, members))


def cases():
    yield from option_cases()
    yield from gradient_cases()
    yield from surrounding_cases()

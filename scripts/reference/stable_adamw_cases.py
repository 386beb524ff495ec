"""The cases of the StableAdamW trajectories."""

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
from .draws import constant, log_uniform, normal, not_a_number, swelling

DEFAULTS = {"lr": 1e-3, "betas": (0.9, 0.99), "eps": 1e-6, "weight_decay": 1e-2}
SMALL = [[], [7], [5, 7]]
SHAPES = [[], [1], [7], [8], [33], [1, 9], [5, 7], [3, 4, 5]]


def group(options, members):
    return Group(DEFAULTS | options, members)


def simple(name, sentence, options, shapes=SMALL, gradients=None, **more):
    """Returns a case of one group with one parameter per shape."""
    return Case(name, sentence, [group(options, parameters(shapes, gradients))], **more)


def cases():
    yield simple("defaults", "All defaults, on tensors of many shapes.", {}, SHAPES)
    yield simple("defaults-long", "All defaults over forty steps.", {}, [[7]], steps=40)
    yield simple(
        "clipped", "Gradients that grow tenfold every third step: the rate is clipped.", {}, gradients=swelling
    )
    yield simple("rate-large", "lr 0.1.", {"lr": 0.1})
    for decay in (0.0, 0.1):
        yield simple(f"weight-decay-{decay:g}", f"weight_decay {decay:g}.", {"weight_decay": decay})
    yield simple(
        "weight-decay-clipped",
        "lr 0.1, weight_decay 1 and growing gradients.",
        {"lr": 0.1, "weight_decay": 1.0},
        gradients=swelling,
    )
    for eps in (1e-15, 1e-2):
        yield simple(f"eps-{eps:g}", f"eps {eps:g}.", {"eps": eps})
    for betas in ((0.0, 0.99), (0.5, 0.9), (0.3, 0.2), (0.95, 0.9999), (0.0, 0.0)):
        yield simple(f"betas-{betas[0]:g}-{betas[1]:g}", f"betas {betas}.", {"betas": betas}, steps=12)
    everything = {"lr": 3e-3, "betas": (0.8, 0.95), "eps": 1e-5, "weight_decay": 0.1}
    yield simple("everything", "Every option away from its default.", everything, SHAPES, gradients=swelling)
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
                {},
                [
                    Parameter([9], f"{scale:g}", gradients=normal(scale))
                    for scale in (1e-25, 1e-15, 1e-11, 1e-6, 1e6, 1e15)
                ],
            )
        ],
    )
    yield Case(
        "gradients-zero",
        "A gradient that is zero everywhere or in places; always, or for five steps.",
        [
            group(
                {},
                zeroed_parameters(),
            )
        ],
    )
    yield simple("gradients-constant", "The same gradient in every step.", {}, gradients=constant(0.3))
    yield Case(
        "gradients-absent",
        "Parameters without a gradient in some steps, from some step on, and in all of them.",
        [
            group({}, [parameter])
            for parameter in absent_parameters()
        ],
        steps=12,
    )
    yield Case(
        "gradients-nan",
        "One NaN at step 3: that element becomes NaN and stays so, no other.",
        [
            group(
                {},
                [
                    Parameter([5, 7], "matrix", not_a_number((1, 2), at=3)),
                    Parameter([7], "untouched"),
                ],
            )
        ],
        steps=5,
        has_nan=True,
    )
    options = [{}, {"lr": 1e-2, "betas": (0.8, 0.99), "weight_decay": 0.0}, {"eps": 1e-4, "weight_decay": 0.1}]
    yield groups_of_options("Three groups that differ in every option.", group, options)

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
    yield parameters_scaled(lambda members: group({"weight_decay": 0.1}, members))

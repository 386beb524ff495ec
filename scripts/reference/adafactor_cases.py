"""The cases of the Adafactor trajectories: groups with their options, parameters, and gradients by step."""

import numpy as np

from .cases import Case, Group, Parameter, parameters
from .draws import (
    constant,
    log_uniform,
    normal,
    not_a_number,
    only_in,
    state_at,
    swelling,
    zeroed,
)

DEFAULTS = {
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
RELATIVE = {}
WARMUP = {"warmup_init": True}
RELATIVE_UNSCALED = {"scale_parameter": False}
FIXED_SCALED = {"lr": 1e-2, "relative_step": False}
FIXED = {"lr": 1e-3, "relative_step": False, "scale_parameter": False}

SMALL = [[], [7], [5, 7], [1, 9], [3, 4, 5]]
SHAPES = [
    [],
    [1],
    [7],
    [33],
    [64],
    [1, 1],
    [1, 9],
    [9, 1],
    [5, 7],
    [3, 4, 5],
    [4, 1, 6],
    [1, 1, 5, 1],
    [2, 3, 3, 3],
]
MORE_SHAPES = [*SHAPES, [8, 16], [17, 33]]


def group(options, members):
    return Group(DEFAULTS | options, members)


def simple(name, sentence, options, shapes=SMALL, gradients=None, values=None, **more):
    """Returns a case of one group with one parameter per shape."""
    return Case(name, sentence, [group(options, parameters(shapes, gradients, values))], **more)


def option_cases():
    """Each option by itself, then together."""
    yield simple("defaults", "All defaults, on tensors of many shapes.", RELATIVE, MORE_SHAPES)
    yield simple("defaults-long", "All defaults over thirty steps.", RELATIVE, [[7], [5, 7]], steps=30)
    yield simple("warmup-init", "Relative steps that begin at 1e-6.", WARMUP, steps=12)
    yield simple("relative-unscaled", "Relative steps without the parameter's scale.", RELATIVE_UNSCALED)
    yield simple("fixed-scaled", "A fixed rate times the parameter's scale.", FIXED_SCALED, SHAPES)
    yield simple("fixed-unscaled", "A fixed rate and nothing else.", FIXED, SHAPES)
    yield simple("momentum", "beta1 0.9 with relative steps.", {"beta1": 0.9}, SHAPES)
    yield simple("momentum-fixed", "beta1 0.5 with a fixed rate.", FIXED | {"beta1": 0.5}, steps=15)
    yield simple("momentum-zero", "beta1 0, which still keeps a first moment.", FIXED | {"beta1": 0.0})
    rates = {
        "relative": RELATIVE,
        "warmup-init": WARMUP,
        "relative-unscaled": RELATIVE_UNSCALED,
        "fixed-scaled": FIXED_SCALED,
        "fixed-unscaled": FIXED,
    }
    for name, options in rates.items():
        yield simple(
            f"weight-decay-{name}", f"weight_decay 0.01, rate: {name}.", options | {"weight_decay": 0.01}
        )
    for clip in (0.1, 1.0, 100.0):
        yield simple(
            f"clip-{clip:g}",
            f"clip_threshold {clip:g} on gradients that grow tenfold every third step.",
            FIXED | {"lr": 1e-2, "clip_threshold": clip},
            gradients=swelling,
            steps=12,
        )
    for rate in (-0.5, -0.8, -1.0):
        yield simple(
            f"decay-rate{rate:g}",
            f"decay_rate {rate:g}.",
            {"decay_rate": rate},
            [[7], [5, 7], [3, 4, 5]],
            steps=20,
        )
    for index, eps in enumerate([(1e-20, 1e-2), (1e-2, 0.5), (1e-30, 0.0)]):
        shapes = [([7], 0.1), ([5, 7], 0.1), ([4, 6], 1e-3), ([6], 0.0)]
        members = [
            Parameter(shape, gradients=normal(0.1), values=normal(scale)) for shape, scale in shapes
        ]
        yield Case(f"eps-{index + 1}", f"eps {eps}.", [group({"eps": eps}, members)])
    everything = {
        "eps": (1e-12, 0.05),
        "clip_threshold": 0.5,
        "decay_rate": -0.7,
        "beta1": 0.9,
        "weight_decay": 0.1,
        "warmup_init": True,
    }
    yield simple("everything", "Every option away from its default, relative steps.", everything, steps=20)
    everything_fixed = everything | FIXED_SCALED | {"warmup_init": False}
    yield simple(
        "everything-fixed", "Every option away from its default, a fixed rate.", everything_fixed, steps=20
    )


def gradient_cases():
    """Gradients of every magnitude, zero, constant, absent, not a number."""
    yield simple(
        "gradients-log-uniform",
        "Elements of the gradient spread from 1e-9 to 1e3.",
        RELATIVE,
        [[33], [8, 16], [3, 4, 5]],
        gradients=log_uniform(-9, 3),
    )
    scales = (1e-25, 1e-20, 1e-11, 1e-6, 1e6, 1e15)
    yield Case(
        "gradients-scaled",
        "Each tensor's gradients of one scale, from 1e-25 (whose square is zero in float32) to 1e15.",
        [
            group(
                options,
                [
                    Parameter(shape, f"{kind}.{shape[-1]}.{scale:g}", gradients=normal(scale))
                    for scale in scales
                    for shape in ([9], [5, 7])
                ],
            )
            for kind, options in (("relative", RELATIVE), ("momentum", FIXED | {"beta1": 0.9}))
        ],
    )
    rows = 10.0 ** np.arange(-8, 4).reshape(12, 1)
    yield Case(
        "gradients-scaled-rows",
        "Rows, then columns, of scales from 1e-8 to 1e3 in one tensor.",
        [
            group(
                RELATIVE,
                [
                    Parameter([12, 5], "rows", lambda g, shape, step: rows * g.standard_normal(shape)),
                    Parameter([5, 12], "columns", lambda g, shape, step: rows.T * g.standard_normal(shape)),
                ],
            )
        ],
    )
    everywhere, row, column = (...,), (2,), (slice(None), 3)
    places = {"all": (everywhere,), "row": (row,), "column": (column,), "row-and-column": (row, column)}
    yield Case(
        "gradients-zero",
        "A gradient that is zero everywhere, in a row, in a column; always, or for five steps.",
        [
            group(
                options,
                [
                    Parameter([5, 7], f"{kind}.{name}.{until}", zeroed(*where, until=until))
                    for name, where in places.items()
                    for until in (None, 5)
                ]
                + [
                    Parameter([6], f"{kind}.vector.{until}", zeroed(*where, until=until))
                    for where, until in ((places["all"], None), (places["row"], 5))
                ],
            )
            for kind, options in (
                ("relative", RELATIVE),
                ("everything", {"beta1": 0.9, "weight_decay": 0.01}),
            )
        ],
    )
    yield simple(
        "gradients-constant",
        "The same gradient in every step, equal in all elements.",
        RELATIVE,
        SMALL,
        gradients=constant(0.3),
        steps=20,
    )
    yield Case(
        "gradients-absent",
        "Parameters without a gradient in some steps, from some step on, and in all of them.",
        [
            group(
                options,
                [
                    Parameter([5, 7], f"{kind}.always"),
                    Parameter([5, 7], f"{kind}.odd", only_in(range(1, 13, 2))),
                    Parameter([7], f"{kind}.late", only_in(range(4, 13))),
                    Parameter([3, 2, 4], f"{kind}.early", only_in(range(1, 4))),
                    Parameter([4, 4], f"{kind}.never", only_in(())),
                ],
            )
            for kind, options in (
                ("relative", WARMUP),
                ("fixed", FIXED | {"beta1": 0.9, "weight_decay": 0.01}),
            )
        ],
        steps=12,
    )
    yield Case(
        "gradients-nan",
        "One NaN at step 3 in a matrix, a vector and a batch: all of that tensor becomes NaN, no other.",
        [
            group(
                RELATIVE,
                [
                    Parameter([5, 7], "matrix", not_a_number((1, 2), at=3)),
                    Parameter([7], "vector", not_a_number(4, at=3)),
                    Parameter([3, 2, 4], "batch", not_a_number((2, 1, 0), at=3)),
                    Parameter([5, 7], "matrix.untouched"),
                    Parameter([7], "vector.untouched"),
                ],
            )
        ],
        steps=5,
        has_nan=True,
    )


def surrounding_cases():
    """Groups, changing rates, imported states, parameters of every magnitude."""
    options = [
        RELATIVE,
        WARMUP | {"eps": (1e-16, 1e-2), "clip_threshold": 0.5, "decay_rate": -0.6},
        FIXED | {"beta1": 0.9, "weight_decay": 0.1},
        FIXED_SCALED | {"decay_rate": -1.0, "clip_threshold": 2.0, "weight_decay": 0.01},
    ]
    yield Case(
        "groups",
        "Four groups that differ in every option.",
        [
            group(
                each, [Parameter(shape, f"group{index}.{len(shape)}") for shape in ([5, 7], [7], [2, 3, 4])]
            )
            for index, each in enumerate(options)
        ],
    )

    def scheduled(step):
        warmup = 1e-2 * min(step - 1, 4) / 4 if step <= 8 else 1e-2 * (16 - step) / 8
        return [{"group": 0, "lr": warmup}, {"group": 1, "lr": warmup / 10}]

    yield Case(
        "rate-scheduled",
        "The rate set before every step, as a scheduler does: from 0 up, then down.",
        [
            group(
                FIXED | {"weight_decay": 0.01}, [Parameter([5, 7], "a.matrix"), Parameter([7], "a.vector")]
            ),
            group(FIXED_SCALED | {"beta1": 0.9}, [Parameter([5, 7], "b.matrix"), Parameter([7], "b.vector")]),
        ],
        steps=16,
        changes=scheduled,
    )

    def changed(step):
        return {
            4: [{"group": 0, "clip_threshold": 0.2, "decay_rate": -0.5}],
            7: [{"group": 0, "weight_decay": 0.1, "eps": (1e-8, 0.1)}],
        }.get(step, [])

    yield simple(
        "options-changed", "Options other than the rate changed between steps.", RELATIVE, changes=changed
    )
    yield Case(
        "state-imported",
        "States of 9,999 to 99,999,999 steps continued: step ** decay_rate needs double precision.",
        [
            group(
                {"decay_rate": rate, "beta1": beta1},
                [
                    Parameter(
                        shape,
                        f"{rate:g}.{step}.{shape[0]}",
                        state=state_at(step, beta1 is not None),
                        gradients=normal(100.0),
                    )
                    for step in (9_999, 999_999, 99_999_999)
                    for shape in ([7], [5, 7])
                ],
            )
            for rate, beta1 in ((-0.5, None), (-0.8, 0.9), (-1.0, None))
        ],
    )
    magnitudes = {"zero": 0.0, "tiny": 1e-8, "small": 1e-4, "large": 1e4, "huge": 1e12}
    yield Case(
        "parameters-scaled",
        "Parameters that are zero, tiny (RMS below eps[1]), large and huge.",
        [
            group(
                kind,
                [
                    Parameter(shape, f"{index}.{name}.{len(shape)}", values=normal(scale))
                    for name, scale in magnitudes.items()
                    for shape in ([], [7], [5, 7])
                ],
            )
            for index, kind in enumerate((RELATIVE, FIXED | {"weight_decay": 0.01}))
        ],
    )


def cases():
    yield from option_cases()
    yield from gradient_cases()
    yield from surrounding_cases()

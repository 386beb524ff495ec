"""Learning rates of every scheduler that transformers.get_scheduler creates, by stepping the real objects."""

import itertools
import math
import warnings

import numpy as np
import torch
from transformers import get_scheduler

from . import files

SEED = 20_260_101
STEPS = 36  # Past the end of every short training below.
SAMPLED = list(range(0, 1_111, 37))


def optimizer_with(rates, default):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates]
    optimizer = torch.optim.SGD(groups, lr=default)
    for group in optimizer.param_groups:
        group["params"][0].grad = torch.zeros(1)
    return optimizer


def described(error):
    return f"{type(error).__name__}: {error}"


def case(name, warmup=None, training=None, rates=(1.0,), default=None, steps=None, **kwargs):
    """Returns the rates of one schedule, with `error` and its step if the reference raises an error."""
    default = rates[0] if default is None else default
    record = {
        "name": name,
        "lr": list(rates),
        "defaultLr": default,
        "num_warmup_steps": warmup,
        "num_training_steps": training,
        "kwargs": kwargs,
    }
    if steps is not None:
        record["steps"] = steps
    wanted = list(range(STEPS)) if steps is None else steps
    optimizer = optimizer_with(rates, default)
    values = []
    step = 0
    try:
        scheduler = get_scheduler(name, optimizer, warmup, training, kwargs)
        while True:
            if step in wanted:
                values.append(scheduler.get_last_lr())
            if step == wanted[-1]:
                break
            step += 1
            optimizer.step()
            scheduler.step()
    except Exception as error:
        record |= {"error": described(error), "errorStep": step}
    record["rates"] = values
    return record


def metric_case(name, metrics, rates=(1.0,), **kwargs):
    """Returns the rates of a schedule that follows a metric: before each metric, and after the last."""
    optimizer = optimizer_with(rates, rates[0])
    scheduler = get_scheduler(name, optimizer, scheduler_specific_kwargs=kwargs)
    values = [[group["lr"] for group in optimizer.param_groups]]
    for metric in metrics:
        optimizer.step()
        scheduler.step(metric)
        values.append([group["lr"] for group in optimizer.param_groups])
    counters = ["best", "num_bad_epochs", "num_good_epochs", "cooldown_counter", "warmup_counter"]
    state = scheduler.state_dict()
    return {
        "name": name,
        "lr": list(rates),
        "kwargs": kwargs,
        "metrics": metrics,
        "rates": values,
        "final": {key: state[key] for key in counters + ["reset_start"] if key in state},
    }


def error_case(name, warmup=None, training=None, rates=(1e-3,), **kwargs):
    try:
        get_scheduler(name, optimizer_with(rates, rates[0]), warmup, training, kwargs)
    except Exception as error:
        return {
            "name": name,
            "lr": list(rates),
            "num_warmup_steps": warmup,
            "num_training_steps": training,
            "kwargs": kwargs,
            "error": described(error),
        }
    raise AssertionError(f"the reference accepts {name} {warmup} {training} {kwargs}")


# Warmup and training steps: the usual case, no warmup, one step of warmup, only warmup, no training, more
# warmup than training.
COUNTS = [(5, 20), (0, 20), (1, 20), (10, 10), (0, 0), (3, 0), (12, 10), (0, 1), (1, 1), (1, 2), (19, 20)]
TWO_GROUPS = {"rates": (1e-3, 5e-5)}
OTHER_RATES = [{"rates": (1e-3,)}, {"rates": (5e-5,)}, TWO_GROUPS]


def closed_form_cases():
    """Yields the schedules that depend only on the step."""
    with_counts = {
        "constant": [{}],
        "constant_with_warmup": [{}],
        "linear": [{}],
        "cosine": [{}] + [{"num_cycles": n} for n in (0, 0.25, 1, 1.3, 2, 2.5)],
        "cosine_with_restarts": [{}] + [{"num_cycles": n} for n in (0, 0.5, 1.3, 2, 2.5, 3)],
        "polynomial": [{}]
        + [{"power": p} for p in (0.5, 2, 3)]
        + [{"lr_end": 0.0}, {"lr_end": 0.25, "power": 2.0}, {"lr_end": 1e-5, "power": 0.5}],
        "inverse_sqrt": [{}] + [{"timescale": t} for t in (1, 4, 100)],
        "cosine_with_min_lr": [{"min_lr_rate": r} for r in (0, 0.1, 1.0)]
        + [{"min_lr": 0}, {"min_lr": 2e-5}, {"min_lr_rate": 0.1, "num_cycles": 1.3}],
        "cosine_warmup_with_min_lr": [{"min_lr_rate": r} for r in (0, 0.1)]
        + [{"min_lr": 2e-5}, {"min_lr_rate": 0.1, "num_cycles": 1.3}]
        + [{"min_lr_rate": 0.1, "warmup_lr_rate": w} for w in (0, 0.25, 1.0)],
    }
    for name, variants in with_counts.items():
        for variant in variants:
            for warmup, training in COUNTS if variant is variants[0] else COUNTS[:6]:
                # An lr_end above the rate is one of the errors.
                yield case(name, warmup, training, **variant)
            if variant.get("lr_end", 0) < 5e-5:
                for rates in OTHER_RATES:
                    yield case(name, 5, 20, **rates, **variant)
        yield case(name, 100, 1_000, (1e-3,), steps=SAMPLED, **variants[0])
        yield case(name, 137, 1_000, (5e-5,), steps=SAMPLED, **variants[-1 if name != "polynomial" else 2])
    yield case("inverse_sqrt", 5, None)
    yield case("inverse_sqrt", 0, None, timescale=0)
    yield case("inverse_sqrt", 5, None, timescale=-3)
    yield case("constant_with_warmup", 5, None)
    yield case("constant", None, None)
    # lr_end and min_lr are relative to the rate at construction, which may differ from the rates of all
    # groups.
    for name, kwargs in [
        ("polynomial", {"lr_end": 1e-4}),
        ("cosine_with_min_lr", {"min_lr": 1e-4}),
        ("cosine_warmup_with_min_lr", {"min_lr": 1e-4}),
    ]:
        yield case(name, 5, 20, (1e-3, 5e-5), default=2e-3, **kwargs)


def warmup_stable_decay_cases():
    name = "warmup_stable_decay"
    kinds = ("linear", "cosine", "1-sqrt")
    for warmup_type, decay_type, ratio in itertools.product(kinds, kinds, (0, 0.1)):
        yield case(
            name, 5, 20, num_decay_steps=8, warmup_type=warmup_type, decay_type=decay_type, min_lr_ratio=ratio
        )
    for warmup, training in COUNTS:
        yield case(name, warmup, training, num_decay_steps=4)
        yield case(name, warmup, None, num_decay_steps=4, num_stable_steps=6, min_lr_ratio=0.2)
    for decay in (0, 1, 15, 30):
        yield case(name, 5, 20, num_decay_steps=decay)
    for stable in (0, 1, 20):
        yield case(name, 5, None, num_decay_steps=8, num_stable_steps=stable)
        yield case(name, 5, 20, num_decay_steps=8, num_stable_steps=stable)
    for cycles in (0, 0.25, 1, 1.3, 2.5):
        yield case(name, 5, 20, num_decay_steps=10, num_cycles=cycles)
        yield case(name, 5, 20, num_decay_steps=10, num_cycles=cycles, min_lr_ratio=0.1)
    for ratio in (-0.1, 1, 1.5):
        yield case(name, 5, 20, num_decay_steps=8, min_lr_ratio=ratio)
    for rates in OTHER_RATES:
        yield case(name, 5, 20, num_decay_steps=8, min_lr_ratio=0.1, **rates)
    yield case(name, 100, 1_000, (1e-3,), steps=SAMPLED, num_decay_steps=300)
    yield case(
        name,
        137,
        1_000,
        (5e-5,),
        steps=SAMPLED,
        num_decay_steps=411,
        warmup_type="1-sqrt",
        decay_type="1-sqrt",
        min_lr_ratio=0.05,
    )


def metric_sequences():
    """Returns losses that fall, stall, rise, and are not numbers."""
    generator = np.random.default_rng(SEED)
    falling = [round(2.0 * math.exp(-0.1 * i) + 0.05 * generator.standard_normal(), 6) for i in range(40)]
    stalled = [round(1.0 - 0.05 * min(i, 6), 6) for i in range(40)]
    rising = [round(0.5 + 0.02 * i, 6) for i in range(20)]
    waves = [round(1.0 + 0.8 * math.cos(i / 4.0) - 0.01 * i, 6) for i in range(60)]
    negative = [round(-1.0 - 0.3 * (i // 3), 6) for i in range(24)]
    tiny = [1.0 - 5e-5 * i for i in range(30)]
    broken = [1.0, 0.9, math.nan, 0.8, math.inf, 0.7, -math.inf, 0.6, 0.5, math.nan, 0.4, 0.3] + [0.3] * 8
    return {
        "falling": falling,
        "stalled": stalled,
        "rising": rising,
        "waves": waves,
        "negative": negative,
        "tiny": tiny,
        "broken": broken,
    }


def plateau_cases():
    name = "reduce_lr_on_plateau"
    sequences = metric_sequences()
    rising, waves, negative, tiny = (sequences[key] for key in ("rising", "waves", "negative", "tiny"))
    for metrics in sequences.values():
        yield metric_case(name, metrics)
        yield metric_case(name, metrics, patience=2, factor=0.5)
        yield metric_case(name, metrics, patience=1, factor=0.5, mode="max")
        yield metric_case(name, metrics, patience=0, factor=0.7, threshold=1e-3, threshold_mode="abs")
        yield metric_case(
            name, metrics, patience=1, factor=0.7, mode="max", threshold=0.1, threshold_mode="abs"
        )
    for cooldown in (1, 3, 20):
        yield metric_case(name, waves, patience=1, factor=0.5, cooldown=cooldown)
    yield metric_case(name, rising, patience=0, factor=0.5, min_lr=0.1)
    yield metric_case(name, rising, patience=0, factor=0.5, min_lr=2.0)
    yield metric_case(name, rising, (1e-3, 5e-5), patience=0, factor=0.5, min_lr=[1e-4, 1e-5])
    yield metric_case(name, rising, (1e-3, 5e-5), patience=1, factor=0.5, min_lr=2e-5)
    yield metric_case(name, rising, (5e-5,), patience=0)
    yield metric_case(name, rising, (5e-5,), patience=0, eps=1e-5)
    yield metric_case(name, rising, (1.0,), patience=0, factor=0.9, eps=0.05)
    yield metric_case(name, rising, patience=0, factor=0.0)
    yield metric_case(name, tiny, patience=0, factor=0.5, threshold=0)
    yield metric_case(name, negative, patience=0, factor=0.5, threshold=0.2)


def greedy_cases():
    name = "greedy"
    sequences = metric_sequences()
    falling, rising, waves = (sequences[key] for key in ("falling", "rising", "waves"))
    bounds = {"min_lr": 1e-6, "max_lr": 10.0}
    for metrics in sequences.values():
        yield metric_case(name, metrics, (0.1,))
        yield metric_case(name, metrics, (0.1,), patience=1, factor=0.5, **bounds)
        yield metric_case(name, metrics, (0.1,), patience=0, factor=0.8, mode="max", **bounds)
        yield metric_case(
            name, metrics, (0.1,), patience=1, factor=0.8, threshold=0.01, threshold_mode="rel", **bounds
        )
        yield metric_case(
            name,
            metrics,
            (0.1,),
            patience=1,
            factor=0.8,
            mode="max",
            threshold=0.01,
            threshold_mode="rel",
            **bounds,
        )
        yield metric_case(name, metrics, (0.1,), patience=0, factor=0.8, smooth=True, window_size=4, **bounds)
        yield metric_case(name, metrics, (0.1,), patience=1, smooth=True)
    for cooldown, warmup in ((2, 0), (0, 2), (3, 1), (1, 5)):
        yield metric_case(
            name, waves, (0.1,), patience=0, factor=0.7, cooldown=cooldown, warmup=warmup, **bounds
        )
        yield metric_case(
            name,
            waves,
            (0.1,),
            patience=1,
            factor=0.7,
            cooldown=cooldown,
            warmup=warmup,
            smooth=True,
            window_size=3,
            **bounds,
        )
    # Every reduction with all groups at the lower bound counts down to a reset.
    for reset_start in (0, 1, 3):
        yield metric_case(
            name, rising * 2, (0.1,), patience=0, factor=0.5, min_lr=0.02, reset_start=reset_start
        )
        yield metric_case(
            name,
            waves,
            (0.1,),
            patience=0,
            factor=0.5,
            min_lr=0.03,
            reset_start=reset_start,
            smooth=True,
            window_size=3,
            cooldown=1,
            warmup=1,
        )
    yield metric_case(name, waves, (1e-3, 5e-5), patience=0, factor=0.5)
    yield metric_case(
        name, waves, (1e-3, 5e-5), patience=0, factor=0.5, min_lr=[1e-4, 1e-5], max_lr=[2e-3, 1e-3]
    )
    yield metric_case(
        name, rising * 2, (1e-3, 5e-5), patience=0, factor=0.5, min_lr=[1e-4, 1e-5], reset_start=2
    )
    yield metric_case(name, rising, (1e-4,), patience=0, factor=0.5)
    yield metric_case(name, rising, (5e-5,), patience=0, factor=0.5, min_lr=0.0, eps=1e-5)
    yield metric_case(name, falling, (2.0,), patience=0, factor=0.5)
    yield metric_case(name, waves, (0.1,), patience=0, factor=0.9, eps=0.0105, **bounds)
    yield metric_case(name, waves, (0.1,), patience=0, factor=0.9, smooth=True, window_size=1, **bounds)
    yield metric_case(name, rising * 2, (0.1,), patience=0, factor=0.5, min_lr=0.02, reset_start=3, eps=0.2)


def error_cases():
    yield error_case("no_such_schedule", 5, 20)
    yield error_case("Linear", 5, 20)
    needs_warmup = [
        "constant_with_warmup",
        "linear",
        "cosine",
        "cosine_with_restarts",
        "polynomial",
        "inverse_sqrt",
        "cosine_with_min_lr",
        "cosine_warmup_with_min_lr",
        "warmup_stable_decay",
    ]
    for name in needs_warmup:
        yield error_case(name, None, 20)
        if name not in ("constant_with_warmup", "inverse_sqrt", "warmup_stable_decay"):
            yield error_case(name, 5, None)
    for name in needs_warmup[1:] + ["reduce_lr_on_plateau", "greedy"]:
        yield error_case(name, 5, 20, no_such_option=1)
    for name in ("cosine_with_min_lr", "cosine_warmup_with_min_lr"):
        yield error_case(name, 5, 20)
        yield error_case(name, 5, 20, min_lr=1e-5, min_lr_rate=0.1)
    for lr_end in (1e-3, 2e-3):
        yield error_case("polynomial", 5, 20, lr_end=lr_end)
    yield error_case("warmup_stable_decay", 5, 20)
    yield error_case("warmup_stable_decay", 5, None, num_decay_steps=5)
    yield error_case("warmup_stable_decay", 5, 20, num_decay_steps=5, warmup_type="sine")
    yield error_case("warmup_stable_decay", 5, 20, num_decay_steps=5, decay_type="exponential")
    for name in ("reduce_lr_on_plateau", "greedy"):
        yield error_case(name, factor=1.0)
        yield error_case(name, factor=1.5)
        yield error_case(name, mode="median")
        yield error_case(name, threshold_mode="relative")
        yield error_case(name, min_lr=[1e-4, 1e-5])
        yield error_case(name, rates=(1e-3, 5e-5), min_lr=[1e-4])
    yield error_case("greedy", max_lr=[1.0, 1.0])


def generate(output):
    # Stable steps in addition to training steps, and a rate of 0 at the first step, cause only warnings.
    warnings.simplefilter("ignore")
    files.write(
        output / "SchedulesTests/Reference/schedules.json",
        {
            "provenance": files.provenance(seed=SEED),
            "cases": [*closed_form_cases(), *warmup_stable_decay_cases()],
            "metricCases": [*plateau_cases(), *greedy_cases()],
            "errors": list(error_cases()),
        },
    )

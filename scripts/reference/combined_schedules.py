"""Writes the rates of several schedulers of torch and transformers on one optimizer.

Each case has the rates `lr` of the parameter groups and `events`, which happen in order:

- `make`: a scheduler is created, by this package's name and options (`warmup` and `piecewise` are torch's LinearLR)
- `step`: the scheduler of this index takes a step, with `metric` if it follows one
- `set`: the program sets the rate of a group
- `restore`: optimizer and schedulers are saved, created again and restored

`rates` holds the rate of each group after each event.
"""

import json
import warnings

import torch
from torch.optim import lr_scheduler
from transformers import get_scheduler

from reference.extra_schedules import optimizer_with

TORCH = {
    "exponential": lr_scheduler.ExponentialLR,
    "step": lr_scheduler.StepLR,
    "multi_step": lr_scheduler.MultiStepLR,
    "cosine_warm_restarts": lr_scheduler.CosineAnnealingWarmRestarts,
    "reduce_lr_on_plateau": lr_scheduler.ReduceLROnPlateau,
}


def make(name, warmup=0, training=None, **options):
    return {"make": {"name": name, "warmup": warmup, "training": training, "options": options}}


def scheduler_of(optimizer, name, warmup, training, options):
    if name == "warmup":
        return lr_scheduler.LinearLR(optimizer, start_factor=options["start_factor"], total_iters=warmup)
    if name == "piecewise":
        assert options["interpolation"] == "linear" and options["steps"][0] == 0 and options["multipliers"][1] == 1
        return lr_scheduler.LinearLR(
            optimizer, start_factor=options["multipliers"][0], total_iters=options["steps"][1]
        )
    if name in TORCH:
        return TORCH[name](optimizer, **options)
    return get_scheduler(name, optimizer, warmup, training, scheduler_specific_kwargs=options or None)


def run(rates, events):
    optimizer, schedulers, made, result = optimizer_with(rates), [], [], []
    for event in events:
        if "make" in event:
            made.append(event["make"])
            schedulers.append(scheduler_of(optimizer, **event["make"]))
        elif "set" in event:
            optimizer.param_groups[event["set"]]["lr"] = event["rate"]
        elif "restore" in event:
            saved = optimizer.state_dict(), [scheduler.state_dict() for scheduler in schedulers]
            optimizer = optimizer_with(rates)
            schedulers = [scheduler_of(optimizer, **arguments) for arguments in made]
            optimizer.load_state_dict(saved[0])
            for scheduler, state in zip(schedulers, saved[1]):
                scheduler.load_state_dict(state)
        elif "metric" in event:
            schedulers[event["step"]].step(event["metric"])
        else:
            schedulers[event["step"]].step()
        result.append([group["lr"] for group in optimizer.param_groups])
    return result


def step(index, count=1):
    return [{"step": index}] * count


def metric(index, *values):
    return [{"step": index, "metric": value} for value in values]


RESTORE = [{"restore": True}]


def plateau(**options):
    return [make("reduce_lr_on_plateau", **options)]


def scenarios():
    """Yields the name of each case and its events."""
    linear, cosine = [make("linear", training=4)], [make("cosine", warmup=2, training=8)]
    yield "cosine after linear ended at 0", linear + step(0, 5) + cosine + step(1, 9)
    yield "three stages", linear + step(0, 4) + linear + step(1, 4) + [make("constant")] + step(2, 2)
    yield "restarts after cosine ended at 0", (
        [make("cosine", training=3)] + step(0, 3) + [make("cosine_warm_restarts", T_0=3)] + step(1, 7)
    )
    yield "step after linear in its midst", linear + step(0, 2) + [make("step", step_size=2, gamma=0.5)] + step(1, 6)
    yield "linear made again in its midst", linear + step(0, 2) + linear + step(1, 3)
    for restored in (False, True):
        again = RESTORE if restored else []
        suffix = ", restored" if restored else ""
        warm = [make("warmup", warmup=4, start_factor=0.25)]
        falling = plateau(factor=0.5, patience=0)
        both = metric(1, 1.0, 1.0) + step(0, 2) + again + metric(1, 1.0) + step(0, 3) + metric(1, 1.0, 0.5) + step(0)
        yield "warmup by steps, plateau by metric" + suffix, warm + falling + both
        yield "plateau first" + suffix, (
            falling + warm + metric(0, 1.0, 1.0) + step(1, 3) + again + metric(0, 1.0) + step(1, 4)
        )
        yield "warmup from 0 that is stepped while it lasts, plateau after it" + suffix, (
            [make("constant_with_warmup", warmup=3)]
            + falling
            + step(0, 3)
            + metric(1, 1.0, 1.0)
            + again
            + metric(1, 1.0, 0.1, 0.2)
        )
        points = make("piecewise", steps=[0, 4], multipliers=[0.5, 1], interpolation="linear")
        yield "piecewise, plateau by metric" + suffix, [points] + falling + both
        yield "constant_with_warmup sets what a plateau reduced" + suffix, (
            [make("constant_with_warmup", warmup=2)] + falling + step(0, 3) + metric(1, 1.0, 1.0) + again + step(0)
        )
        yield "two that multiply" + suffix, (
            [make("exponential", gamma=0.9), make("step", step_size=3, gamma=0.5)]
            + (step(0) + step(1)) * 4
            + again
            + (step(0) + step(1)) * 4
        )
        change = [{"set": 0, "rate": 0.4}]
        yield "exponential after the program set a rate" + suffix, (
            [make("exponential", gamma=0.9)] + step(0, 3) + change + again + step(0, 3)
        )
        yield "multi_step after the program set a rate" + suffix, (
            [make("multi_step", milestones=[2, 5], gamma=0.1)] + step(0, 3) + change + again + step(0, 4)
        )
        yield "cosine after the program set a rate" + suffix, cosine + step(0, 3) + change + again + step(0, 3)
        yield "plateau after the program set a rate" + suffix, (
            falling + metric(0, 1.0, 1.0) + change + again + metric(0, 1.0, 1.0)
        )


def generate(output):
    with warnings.catch_warnings():
        # torch warns about optimizers that were never stepped with gradients, but nothing is optimized here.
        warnings.simplefilter("ignore")
        records = [
            {"name": name, "lr": rates, "events": events, "rates": run(rates, events)}
            for rates in ([1.0], [1e-2, 3e-4])
            for name, events in scenarios()
        ]
    provenance = {"script": "scripts/make_reference.py", "torch": torch.__version__.split("+")[0]}
    lines = ",\n".join("    " + json.dumps(case) for case in records)
    text = f'{{\n  "provenance": {json.dumps(provenance)},\n  "cases": [\n{lines}\n  ]\n}}\n'
    (output / "SchedulesTests/Reference/combined-schedules.json").write_text(text)

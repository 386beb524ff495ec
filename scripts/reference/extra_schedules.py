"""Writes the rates of torch's own schedulers, for the schedules that transformers does not have.

Each case has the `name` and the `options` of this package's schedule, the rates `lr` of the parameter groups, and
`rates`: per step from 0, the rate of each group, read from the optimizer that the scheduler drives. A case with several
`segments` is a SequentialLR over `boundaries`. If torch raises an error, `error` is its message and `rates` ends before it.
"""

import json
import warnings

import torch
from torch.optim import SGD, lr_scheduler

# This package's name of a schedule, and torch's class.
CLASSES = {
    "exponential": lr_scheduler.ExponentialLR,
    "step": lr_scheduler.StepLR,
    "multi_step": lr_scheduler.MultiStepLR,
    "one_cycle": lr_scheduler.OneCycleLR,
    "cosine_warm_restarts": lr_scheduler.CosineAnnealingWarmRestarts,
}


def optimizer_with(rates):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates]
    return SGD(groups, lr=rates[0], momentum=0.9)


def scheduler_of(name, optimizer, rates, options, training_steps):
    if name == "one_cycle":
        options = dict(options, max_lr=list(rates), total_steps=training_steps, cycle_momentum=False)
    return CLASSES[name](optimizer, **options)


def drive(make, rates, steps):
    """Returns the rates at steps 0 ..< steps, and the message of the error that ended them early, if any."""
    optimizer = optimizer_with(rates)
    result = []
    try:
        scheduler = make(optimizer)
        for _ in range(steps):
            result.append([group["lr"] for group in optimizer.param_groups])
            optimizer.step()
            scheduler.step()
    except (ValueError, ZeroDivisionError) as error:
        return result, f"{type(error).__name__}: {error}"
    return result, None


def single(name, rates, steps, training_steps=None, **options):
    values, error = drive(
        lambda optimizer: scheduler_of(name, optimizer, rates, options, training_steps), rates, steps
    )
    case = {"name": name, "lr": rates, "trainingSteps": training_steps, "options": options, "rates": values}
    return case if error is None else dict(case, error=error)


def joined(rates, steps, boundaries, *segments):
    def make(optimizer):
        parts = [scheduler_of(name, optimizer, rates, options, None) for name, options in segments]
        return lr_scheduler.SequentialLR(optimizer, parts, milestones=boundaries)

    values, error = drive(make, rates, steps)
    assert error is None, error
    described = [{"name": name, "options": options} for name, options in segments]
    return {"name": "joined", "lr": rates, "segments": described, "boundaries": boundaries, "rates": values}


def cases():
    groups = ([1.0], [1e-3, 5e-5])
    for rates in groups:
        for gamma in (0.9, 0.5, 1.0):
            yield single("exponential", rates, 40, gamma=gamma)
        for step_size, gamma in ((1, 0.5), (7, 0.1), (30, 0.3)):
            yield single("step", rates, 40, step_size=step_size, gamma=gamma)
        for milestones in ([], [0], [3], [1, 2, 3], [5, 5, 20], [10, 30]):
            yield single("multi_step", rates, 40, milestones=milestones, gamma=0.1)
        for first, growth, minimum in ((1, 1, 0.0), (1, 2, 0.0), (5, 1, 1e-6), (5, 2, 1e-6), (4, 3, 0.0), (50, 2, 0.0)):
            yield single("cosine_warm_restarts", rates, 130, T_0=first, T_mult=growth, eta_min=minimum)
        for strategy in ("cos", "linear"):
            for training_steps in (1, 2, 10, 37, 100):
                for start in (0.0, 0.1, 0.25, 0.3, 0.5, 1.0):
                    yield single(
                        "one_cycle", rates, training_steps, training_steps, pct_start=start, anneal_strategy=strategy
                    )
            for start in (0.0, 0.2, 0.3, 0.45, 0.5):
                yield single(
                    "one_cycle",
                    rates,
                    40,
                    40,
                    pct_start=start,
                    anneal_strategy=strategy,
                    three_phase=True,
                    div_factor=10.0,
                    final_div_factor=100.0,
                )
        yield joined(
            rates,
            40,
            [5, 12],
            ("exponential", {"gamma": 0.9}),
            ("step", {"step_size": 3, "gamma": 0.5}),
            ("multi_step", {"milestones": [2, 6], "gamma": 0.2}),
        )
        yield joined(rates, 40, [10], ("exponential", {"gamma": 0.7}), ("exponential", {"gamma": 0.95}))


def generate(output):
    with warnings.catch_warnings():
        # torch warns about optimizers that were never stepped with gradients, but nothing is optimized here.
        warnings.simplefilter("ignore")
        records = list(cases())
    provenance = {"script": "scripts/make_reference.py", "torch": torch.__version__.split("+")[0]}
    lines = ",\n".join("    " + json.dumps(case) for case in records)
    text = f'{{\n  "provenance": {json.dumps(provenance)},\n  "cases": [\n{lines}\n  ]\n}}\n'
    (output / "SchedulesTests/Reference/torch-schedules.json").write_text(text)

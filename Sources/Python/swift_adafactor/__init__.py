"""Adafactor, AdamW and other optimizers for the CPU, in Swift.

`swift_adafactor.Adafactor` takes the place of `transformers.Adafactor`:

    from swift_adafactor import Adafactor

    optimizer = Adafactor(model.parameters(), lr=1e-3, relative_step=False, scale_parameter=False)

The optimizers need torch, which is imported when the first of them is used. `step` works on NumPy arrays without torch, and
`schedule_rates` and `metric_rates` need neither.
"""

from ._library import metric_rates, optimizer_names, schedule_rates
from ._library import version as _version
from .functional import initial_state, step

__version__ = _version()

_OPTIMIZERS = (
    "Adafactor", "AdamW", "CAME", "FactoredSOAP", "GaLoreAdafactor", "GaLoreAdamW", "Lion", "Muon", "SGD", "SOAP",
    "ScheduleFreeAdamW", "StableAdamW",
)  # fmt: skip

__all__ = ["initial_state", "metric_rates", "optimizer_names", "schedule_rates", "step", *_OPTIMIZERS]


def __getattr__(name):
    if name in _OPTIMIZERS:
        # Not before: it imports torch.
        from . import optimizers

        return getattr(optimizers, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_OPTIMIZERS])

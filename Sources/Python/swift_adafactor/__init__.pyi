"""Types of the package; the documentation is in the sources."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar, overload

from torch import Tensor
from torch.optim import Optimizer

_Rounding = Literal["nearest", "stochastic", "compensated"]
_Policy = Literal["propagate", "skip_parameter", "skip_step", "throw_error"]
_Parameters = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]
_State = dict[str, Any]
_Loss = TypeVar("_Loss")

__version__: str

def optimizer_names() -> list[str]: ...
def schedule_rates(
    schedule: str,
    initial_rate: float,
    count: int,
    *,
    first_step: int = 0,
    num_warmup_steps: int | None = None,
    num_training_steps: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> list[float]: ...
def metric_rates(
    schedule: str, initial_rate: float, metrics: Iterable[float], *, options: Mapping[str, Any] | None = None
) -> list[float]: ...
def initial_state(parameter: Any, optimizer: str = "adafactor", **options: Any) -> _State: ...
@overload
def step(
    parameter: Sequence[Any],
    gradient: Sequence[Any],
    state: Sequence[_State],
    optimizer: str = "adafactor",
    *,
    name: str | Sequence[str] = "parameter",
    gradient_scale: float = 1.0,
    threads: int = 0,
    non_finite: _Policy = "propagate",
    **options: Any,
) -> list[bool]: ...
@overload
def step(
    parameter: Any,
    gradient: Any,
    state: _State,
    optimizer: str = "adafactor",
    *,
    name: str = "parameter",
    gradient_scale: float = 1.0,
    threads: int = 0,
    non_finite: _Policy = "propagate",
    **options: Any,
) -> bool: ...

class _Optimizer(Optimizer):
    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], _Loss]) -> _Loss: ...

class Adafactor(_Optimizer):
    def __init__(
        self,
        params: _Parameters,
        lr: float | None = None,
        eps: tuple[float, float] = (1e-30, 0.001),
        clip_threshold: float = 1.0,
        decay_rate: float = -0.8,
        beta1: float | None = None,
        weight_decay: float = 0.0,
        scale_parameter: bool = True,
        relative_step: bool = True,
        warmup_init: bool = False,
        *,
        trusts_versions: bool = False,
        rounding: _Rounding = "nearest",
        rounding_seed: int = 0,
        threads: int | None = None,
        non_finite: _Policy = "propagate",
    ) -> None: ...

class AdamW(_Optimizer):
    def __init__(
        self,
        params: _Parameters,
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        correct_bias: bool = True,
        rounding: _Rounding = "nearest",
        rounding_seed: int = 0,
        threads: int | None = None,
        non_finite: _Policy = "propagate",
    ) -> None: ...

class CAME(_Optimizer):
    def __init__(
        self,
        params: _Parameters,
        lr: float | Tensor = 0.0002,
        eps: tuple[float, float] = (1e-30, 1e-16),
        clip_threshold: float = 1.0,
        betas: tuple[float, float, float] = (0.9, 0.999, 0.9999),
        weight_decay: float = 0.0,
        *,
        rounding: _Rounding = "nearest",
        rounding_seed: int = 0,
        threads: int | None = None,
        non_finite: _Policy = "propagate",
    ) -> None: ...

class FactoredSOAP(Adafactor):
    def __init__(
        self,
        params: _Parameters,
        lr: float | None = None,
        eps: tuple[float, float] = (1e-30, 0.001),
        clip_threshold: float = 1.0,
        decay_rate: float = -0.8,
        beta1: float | None = None,
        weight_decay: float = 0.0,
        scale_parameter: bool = True,
        relative_step: bool = True,
        warmup_init: bool = False,
        *,
        shampoo_beta: float = 0.95,
        precondition_frequency: int = 10,
        max_precond_dim: int = 10000,
        precondition_1d: bool = False,
        one_sided: bool = False,
        spread_refresh: bool = False,
        rounding: _Rounding = "nearest",
        rounding_seed: int = 0,
        threads: int | None = None,
        non_finite: _Policy = "propagate",
    ) -> None: ...

class GaLoreAdafactor(Adafactor):
    def __init__(
        self,
        params: _Parameters,
        lr: float | None = None,
        eps: tuple[float, float] = (1e-30, 0.001),
        clip_threshold: float = 1.0,
        decay_rate: float = -0.8,
        beta1: float | None = None,
        weight_decay: float = 0.0,
        scale_parameter: bool = True,
        relative_step: bool = True,
        warmup_init: bool = False,
        *,
        rank: int | None = None,
        update_proj_gap: int = 200,
        scale: float = 0.25,
        proj_type: str = "std",
        rounding: _Rounding = "nearest",
        rounding_seed: int = 0,
        threads: int | None = None,
        non_finite: _Policy = "propagate",
    ) -> None: ...

class GaLoreAdamW(_Optimizer):
    def __init__(
        self,
        params: _Parameters,
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-06,
        weight_decay: float = 0.0,
        correct_bias: bool = True,
        *,
        rank: int | None = None,
        update_proj_gap: int = 200,
        scale: float = 0.25,
        proj_type: str = "std",
        rounding: _Rounding = "nearest",
        rounding_seed: int = 0,
        threads: int | None = None,
        non_finite: _Policy = "propagate",
    ) -> None: ...

class Lion(_Optimizer):
    def __init__(
        self,
        params: _Parameters,
        lr: float | Tensor = 0.0001,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        rounding: _Rounding = "nearest",
        rounding_seed: int = 0,
        threads: int | None = None,
        non_finite: _Policy = "propagate",
    ) -> None: ...

class Muon(_Optimizer):
    def __init__(
        self,
        params: _Parameters,
        lr: float | Tensor = 0.001,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-07,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        *,
        rounding: _Rounding = "nearest",
        rounding_seed: int = 0,
        threads: int | None = None,
        non_finite: _Policy = "propagate",
    ) -> None: ...

class SGD(_Optimizer):
    def __init__(
        self,
        params: _Parameters,
        lr: float | Tensor = 0.001,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        rounding: _Rounding = "nearest",
        rounding_seed: int = 0,
        threads: int | None = None,
        non_finite: _Policy = "propagate",
    ) -> None: ...

class SOAP(_Optimizer):
    def __init__(
        self,
        params: _Parameters,
        lr: float | Tensor = 0.003,
        betas: tuple[float, float] = (0.95, 0.95),
        shampoo_beta: float = -1.0,
        eps: float = 1e-08,
        weight_decay: float = 0.01,
        precondition_frequency: int = 10,
        max_precond_dim: int = 10000,
        merge_dims: bool = False,
        precondition_1d: bool = False,
        normalize_grads: bool = False,
        correct_bias: bool = True,
        *,
        spread_refresh: bool = False,
        rounding: _Rounding = "nearest",
        rounding_seed: int = 0,
        threads: int | None = None,
        non_finite: _Policy = "propagate",
    ) -> None: ...

class ScheduleFreeAdamW(_Optimizer):
    def __init__(
        self,
        params: _Parameters,
        lr: float | Tensor = 0.0025,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0,
        warmup_steps: int = 0,
        r: float = 0.0,
        weight_lr_power: float = 2.0,
        *,
        rounding: _Rounding = "nearest",
        rounding_seed: int = 0,
        threads: int | None = None,
        non_finite: _Policy = "propagate",
    ) -> None: ...
    def train(self) -> None: ...
    def eval(self) -> None: ...

class StableAdamW(_Optimizer):
    def __init__(
        self,
        params: _Parameters,
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.99),
        eps: float = 1e-06,
        weight_decay: float = 0.01,
        *,
        maximize: bool = False,
        rounding: _Rounding = "nearest",
        rounding_seed: int = 0,
        threads: int | None = None,
        non_finite: _Policy = "propagate",
    ) -> None: ...

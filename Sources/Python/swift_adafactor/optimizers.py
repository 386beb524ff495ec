"""The optimizers for torch."""

import math

import torch

from ._optimizer import SwiftOptimizer

__all__ = [
    "Adafactor", "AdamW", "CAME", "FactoredSOAP", "GaLoreAdafactor", "GaLoreAdamW", "Lion", "Muon", "SGD", "SOAP",
    "ScheduleFreeAdamW", "StableAdamW",
]  # fmt: skip


class Adafactor(SwiftOptimizer):
    """Adafactor with the results of `transformers.Adafactor`, ten times as fast on a CPU.

    It takes the other one's place: the same arguments, errors, groups and states, which can be exchanged in the middle of a
    training. For a parameter P with gradient G, at step t, with α = rate · max(eps[1], RMS(P)) (or the rate, without
    scale_parameter) and β = 1 − t^decay_rate:

        R ← β R + (1−β) (mean of G² + eps[0] over the last axis)             [exp_avg_sq_row, the shape without the last axis]
        C ← β C + (1−β) (mean of G² + eps[0] over the second-last axis)      [exp_avg_sq_col, the shape without the second-last]
        U = G / √(R Cᵀ / mean(R)),  divided by max(1, RMS(U) / clip_threshold)
        P ← P − weight_decay·α·P − α·U

    Tensors of fewer than two axes keep a full second moment [exp_avg_sq, the parameter's shape]. With beta1, updates are
    averaged [exp_avg, the parameter's shape]. The state of a matrix of n × m takes n + m numbers.

    Differs from transformers.Adafactor:
    - 16-bit parameters keep their state in float32 when it is loaded.
    - Options out of range are errors.
    - A row of zeros next to rows of 1e8 and more does not make the tensor NaN.
    - state["RMS"] is a number, and NaN without scale_parameter.

    Args:
        params (iterable): Tensors, (name, tensor) pairs, or dicts of groups. Tensors on other devices than the CPU are stepped
            by torch's operations.
        lr (float, optional): The learning rate. Required with relative_step=False.
        eps (tuple of two floats): Added to squared gradients; and the minimum RMS(P) that scales the step.
        clip_threshold (float): The RMS above which an update is scaled down.
        decay_rate (float): The exponent in β, at most 0.
        beta1 (float, optional): The coefficient of the average of updates.
        weight_decay (float): The decoupled weight decay.
        scale_parameter (bool): Whether the step is multiplied by max(eps[1], RMS(P)).
        relative_step (bool): Whether the rate is min(1e-2, 1/√t), and lr is not given.
        warmup_init (bool): Whether the rate is min(1e-6·t, 1/√t). Requires relative_step.
        trusts_versions (bool): Whether RMS(P) is taken from the last step while p._version says that nothing has written the
            parameter since. It saves one of two reads of the parameters. Set it only if nothing writes them through p.data, NumPy
            or other views without a version.
        rounding (str): "nearest"; "stochastic" or "compensated" for 16-bit parameters, whose small updates are lost otherwise.
        rounding_seed (int): The seed of stochastic rounding.
        threads (int, optional): The maximum number of threads; None for `torch.get_num_threads()`. Results don't depend on it.
        non_finite (str): The policy for updates that are not finite: "propagate" as the reference does, "skip_parameter",
            "skip_step" or "throw_error". "skip_step" and "throw_error" decide for each group by itself.

    Raises:
        ValueError: For options that exclude each other, with the reference's messages, and for options out of range.

    Example:
        >>> optimizer = Adafactor(model.parameters(), lr=1e-3, scale_parameter=False, relative_step=False)
        >>> trainer = Trainer(..., optimizers=(optimizer, None))

    References: Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost" (2018), arXiv:1804.04235.
    """

    _optimizer = "adafactor"
    _options = (
        "lr", "eps", "clip_threshold", "decay_rate", "beta1", "weight_decay", "scale_parameter", "relative_step",
        "warmup_init",
    )  # fmt: skip

    def __init__(
        self, params, lr=None, eps=(1e-30, 1e-3), clip_threshold=1.0, decay_rate=-0.8, beta1=None, weight_decay=0.0,
        scale_parameter=True, relative_step=True, warmup_init=False, *, trusts_versions=False, **extras,
    ):  # fmt: skip
        _check_relative_step({"lr": lr, "relative_step": relative_step, "warmup_init": warmup_init})
        defaults = dict(
            lr=lr, eps=eps, clip_threshold=clip_threshold, decay_rate=decay_rate, beta1=beta1, weight_decay=weight_decay,
            scale_parameter=scale_parameter, relative_step=relative_step, warmup_init=warmup_init,
            trusts_versions=trusts_versions,
        )  # fmt: skip
        super().__init__(params, defaults, extras)

    def add_param_group(self, param_group):
        _check_relative_step({**self.defaults, **param_group})
        super().add_param_group(param_group)

    add_param_group.__doc__ = SwiftOptimizer.add_param_group.__doc__

    def _settings(self, group):
        return _relative_settings(super()._settings(group))

    @staticmethod
    def _get_lr(param_group, param_state):
        """Returns α after the last step of a parameter: what `transformers.AdafactorSchedule` reports."""
        rate = param_group["lr"]
        if param_group["relative_step"]:
            step = param_state["step"]
            rate = min(1e-6 * step if param_group["warmup_init"] else 1e-2, 1 / math.sqrt(step))
        scale = max(param_group["eps"][1], param_state["RMS"]) if param_group["scale_parameter"] else 1
        return rate * scale


def _check_relative_step(options):
    if options["lr"] is not None and options["relative_step"]:
        raise ValueError("Cannot combine manual `lr` and `relative_step=True` options")
    if options["warmup_init"] and not options["relative_step"]:
        raise ValueError("`warmup_init=True` requires `relative_step=True`")
    if options["lr"] is None and not options["relative_step"]:
        raise ValueError("lr is None with relative_step=False: give a learning rate, or leave relative_step at True.")


def _relative_settings(settings):
    """Leaves out the rate of relative steps: AdafactorSchedule stores there what it reports."""
    if settings["relative_step"]:
        del settings["lr"]
    return settings


class AdamW(SwiftOptimizer):
    """AdamW with the results of `torch.optim.AdamW`.

        P ← P − lr·weight_decay·P,  m ← β₁ m + (1−β₁) G,  v ← β₂ v + (1−β₂) G²
        P ← P − lr · (m / (1−β₁ᵗ)) / (√(v / (1−β₂ᵗ)) + eps)

    Differs from torch.optim.AdamW: 16-bit parameters keep their state [exp_avg, exp_avg_sq, max_exp_avg_sq] in float32, step is
    a number, and there are no foreach, fused, capturable and differentiable.

    Args:
        params (iterable): Tensors, (name, tensor) pairs, or dicts of groups.
        lr (float): The learning rate.
        betas (tuple of two floats): The coefficients of the averages of gradients and of their squares.
        eps (float): Added to the denominator.
        weight_decay (float): The decoupled weight decay.
        amsgrad (bool): Whether the denominator uses the greatest average of squares so far.
        maximize (bool): Whether the objective is maximized.
        correct_bias (bool): Whether the averages are divided by 1 − βᵗ.
        rounding, rounding_seed, threads, non_finite: As for `Adafactor`.

    Raises:
        ValueError: For options out of range.
    """

    _optimizer = "adamw"
    _options = ("lr", "betas", "eps", "weight_decay", "amsgrad", "maximize", "correct_bias")

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False, *, maximize=False,
        correct_bias=True, **extras,
    ):  # fmt: skip
        defaults = dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize,
            correct_bias=correct_bias,
        )  # fmt: skip
        super().__init__(params, defaults, extras)


class SGD(SwiftOptimizer):
    """SGD with momentum, with the results of `torch.optim.SGD`: P ← P − lr · m, with m ← momentum·m + (1−dampening)·G.

    Args:
        params (iterable): Tensors, (name, tensor) pairs, or dicts of groups.
        lr (float): The learning rate.
        momentum (float): The coefficient of the momentum [momentum_buffer]; 0 for none.
        dampening (float): The dampening of the momentum. The first gradient is taken as a whole.
        weight_decay (float): Added to the gradient as weight_decay · P.
        nesterov (bool): Whether the momentum looks ahead.
        maximize (bool): Whether the objective is maximized.
        rounding, rounding_seed, threads, non_finite: As for `Adafactor`.

    Raises:
        ValueError: For options out of range.
    """

    _optimizer = "sgd"
    _options = ("lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize")

    def __init__(
        self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *, maximize=False, **extras
    ):
        defaults = dict(
            lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov, maximize=maximize
        )
        super().__init__(params, defaults, extras)


class Lion(SwiftOptimizer):
    """Lion with the results of lion-pytorch: P ← P − lr·weight_decay·P − lr·sign(β₁ m + (1−β₁) G).

    Args:
        params (iterable): Tensors, (name, tensor) pairs, or dicts of groups.
        lr (float): The learning rate: 3 to 10 times smaller than AdamW's.
        betas (tuple of two floats): The weight of m in the update, and the coefficient of m [exp_avg].
        weight_decay (float): The decoupled weight decay.
        maximize (bool): Whether the objective is maximized.
        rounding, rounding_seed, threads, non_finite: As for `Adafactor`.

    Raises:
        ValueError: For options out of range.
    """

    _optimizer = "lion"
    _options = ("lr", "betas", "weight_decay", "maximize")

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0, *, maximize=False, **extras):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay, maximize=maximize), extras)


class StableAdamW(SwiftOptimizer):
    """StableAdamW with the results of torch-optimi: AdamW whose rate is divided by max(1, RMS(G / √v)), per tensor.

    Args:
        params (iterable): Tensors, (name, tensor) pairs, or dicts of groups.
        lr (float): The learning rate.
        betas (tuple of two floats): The coefficients of the averages of gradients and of their squares.
        eps (float): Added to the denominator.
        weight_decay (float): The decoupled weight decay.
        maximize (bool): Whether the objective is maximized.
        rounding, rounding_seed, threads, non_finite: As for `Adafactor`.

    Raises:
        ValueError: For options out of range.
    """

    _optimizer = "stable_adamw"
    _options = ("lr", "betas", "eps", "weight_decay", "maximize")

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.99), eps=1e-6, weight_decay=1e-2, *, maximize=False, **extras
    ):
        super().__init__(
            params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize), extras
        )


class CAME(SwiftOptimizer):
    """CAME with the results of came-pytorch: Adafactor's factored moments, and factored averages of instability.

    Args:
        params (iterable): Tensors, (name, tensor) pairs, or dicts of groups.
        lr (float): The learning rate.
        eps (tuple of two floats): Added to squared gradients, and to squared residuals.
        clip_threshold (float): The RMS above which an update is scaled down.
        betas (tuple of three floats): The coefficients of the averages of updates, of squares and of instability.
        weight_decay (float): The decoupled weight decay.
        rounding, rounding_seed, threads, non_finite: As for `Adafactor`.

    Raises:
        ValueError: For options out of range.
    """

    _optimizer = "came"
    _options = ("lr", "eps", "clip_threshold", "betas", "weight_decay")

    def __init__(
        self, params, lr=2e-4, eps=(1e-30, 1e-16), clip_threshold=1.0, betas=(0.9, 0.999, 0.9999), weight_decay=0.0,
        **extras,
    ):  # fmt: skip
        defaults = dict(lr=lr, eps=eps, clip_threshold=clip_threshold, betas=betas, weight_decay=weight_decay)
        super().__init__(params, defaults, extras)


class Muon(SwiftOptimizer):
    """Muon with the results of `torch.optim.Muon`: the momentum of a matrix, orthogonalized by Newton–Schulz steps.

    Args:
        params (iterable): Matrices, (name, matrix) pairs, or dicts of groups.
        lr (float): The learning rate.
        weight_decay (float): The decoupled weight decay.
        momentum (float): The coefficient of the average of gradients [momentum_buffer].
        nesterov (bool): Whether the momentum looks ahead.
        ns_coefficients (tuple of three floats): The coefficients of a Newton–Schulz step.
        eps (float): The minimum norm that the momentum is divided by.
        ns_steps (int): The number of Newton–Schulz steps.
        adjust_lr_fn (str, optional): "original", "match_rms_adamw" or "spectral_unclamped".
        rounding, rounding_seed, threads, non_finite: As for `Adafactor`.

    Raises:
        ValueError: For options out of range, and at the first step for a parameter that is no matrix.
    """

    _optimizer = "muon"
    _options = ("lr", "weight_decay", "momentum", "nesterov", "ns_coefficients", "eps", "ns_steps", "adjust_lr_fn")

    def __init__(
        self, params, lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True,
        ns_coefficients=(3.4445, -4.775, 2.0315), eps=1e-7, ns_steps=5, adjust_lr_fn=None, **extras,
    ):  # fmt: skip
        defaults = dict(
            lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov, ns_coefficients=ns_coefficients,
            eps=eps, ns_steps=ns_steps, adjust_lr_fn=adjust_lr_fn,
        )  # fmt: skip
        super().__init__(params, defaults, extras)


class SOAP(SwiftOptimizer):
    """SOAP: Adam in the eigenbases of Shampoo's preconditioners.

    The first gradient only initializes the state [exp_avg, exp_avg_sq, GG_k and Q_k of axis k].

    Args:
        params (iterable): Tensors, (name, tensor) pairs, or dicts of groups.
        lr (float): The learning rate.
        betas (tuple of two floats): The coefficients of the averages of gradients and of their squares.
        shampoo_beta (float): The coefficient of the preconditioners; below 0 for betas[1].
        eps (float): Added to the denominator.
        weight_decay (float): The decoupled weight decay.
        precondition_frequency (int): The number of steps between two refreshes of the bases.
        max_precond_dim (int): The greatest length of an axis that gets a preconditioner.
        merge_dims (bool): Whether small axes are merged.
        precondition_1d (bool): Whether vectors get a preconditioner.
        normalize_grads (bool): Whether updates are divided by their RMS.
        correct_bias (bool): Whether the averages are divided by 1 − βᵗ.
        spread_refresh (bool): Whether parameters are refreshed at different steps.
        rounding, rounding_seed, threads, non_finite: As for `Adafactor`.

    Raises:
        ValueError: For options out of range.
    """

    _optimizer = "soap"
    _options = (
        "lr", "betas", "shampoo_beta", "eps", "weight_decay", "precondition_frequency", "max_precond_dim", "merge_dims",
        "precondition_1d", "normalize_grads", "correct_bias", "spread_refresh",
    )  # fmt: skip

    def __init__(
        self, params, lr=3e-3, betas=(0.95, 0.95), shampoo_beta=-1.0, eps=1e-8, weight_decay=1e-2,
        precondition_frequency=10, max_precond_dim=10000, merge_dims=False, precondition_1d=False,
        normalize_grads=False, correct_bias=True, *, spread_refresh=False, **extras,
    ):  # fmt: skip
        defaults = dict(
            lr=lr, betas=betas, shampoo_beta=shampoo_beta, eps=eps, weight_decay=weight_decay,
            precondition_frequency=precondition_frequency, max_precond_dim=max_precond_dim, merge_dims=merge_dims,
            precondition_1d=precondition_1d, normalize_grads=normalize_grads, correct_bias=correct_bias,
            spread_refresh=spread_refresh,
        )  # fmt: skip
        super().__init__(params, defaults, extras)


class FactoredSOAP(Adafactor):
    """Adafactor in the eigenbases of Shampoo's preconditioners. The first gradient only initializes the state.

    Args:
        params (iterable): Tensors, (name, tensor) pairs, or dicts of groups.
        lr, eps, clip_threshold, decay_rate, beta1, weight_decay, scale_parameter, relative_step, warmup_init:
            As for `Adafactor`.
        shampoo_beta (float): The coefficient of the preconditioners.
        precondition_frequency (int): The number of steps between two refreshes of the bases.
        max_precond_dim (int): The greatest length of an axis that gets a preconditioner.
        precondition_1d (bool): Whether vectors get a preconditioner.
        one_sided (bool): Whether only the shortest axis gets a preconditioner.
        spread_refresh (bool): Whether parameters are refreshed at different steps.
        rounding, rounding_seed, threads, non_finite: As for `Adafactor`.

    Raises:
        ValueError: As `Adafactor` does.
    """

    _optimizer = "factored_soap"
    _options = (
        *Adafactor._options, "shampoo_beta", "precondition_frequency", "max_precond_dim", "precondition_1d", "one_sided",
        "spread_refresh",
    )  # fmt: skip

    def __init__(
        self, params, lr=None, eps=(1e-30, 1e-3), clip_threshold=1.0, decay_rate=-0.8, beta1=None, weight_decay=0.0,
        scale_parameter=True, relative_step=True, warmup_init=False, *, shampoo_beta=0.95, precondition_frequency=10,
        max_precond_dim=10000, precondition_1d=False, one_sided=False, spread_refresh=False, **extras,
    ):  # fmt: skip
        _check_relative_step({"lr": lr, "relative_step": relative_step, "warmup_init": warmup_init})
        defaults = dict(
            lr=lr, eps=eps, clip_threshold=clip_threshold, decay_rate=decay_rate, beta1=beta1, weight_decay=weight_decay,
            scale_parameter=scale_parameter, relative_step=relative_step, warmup_init=warmup_init,
            shampoo_beta=shampoo_beta, precondition_frequency=precondition_frequency, max_precond_dim=max_precond_dim,
            precondition_1d=precondition_1d, one_sided=one_sided, spread_refresh=spread_refresh,
        )  # fmt: skip
        SwiftOptimizer.__init__(self, params, defaults, extras)


class GaLoreAdamW(SwiftOptimizer):
    """AdamW on gradients that are projected onto their first singular vectors, with the results of galore-torch.

    Args:
        params (iterable): Tensors, (name, tensor) pairs, or dicts of groups.
        lr, betas, eps, weight_decay, correct_bias: As for `AdamW`.
        rank (int, optional): The number of singular vectors; None projects nothing. Usually the option of a group of matrices.
        update_proj_gap (int): The number of steps from one decomposition to the next.
        scale (float): The factor of projected updates.
        proj_type (str): "std", "reverse_std", "left", "right" or "full".
        rounding, rounding_seed, threads, non_finite: As for `Adafactor`.

    Raises:
        ValueError: For options out of range.
    """

    _optimizer = "galore_adamw"
    _options = (
        "lr", "betas", "eps", "weight_decay", "correct_bias", "rank", "update_proj_gap", "scale", "proj_type",
    )  # fmt: skip

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0, correct_bias=True, *, rank=None,
        update_proj_gap=200, scale=0.25, proj_type="std", **extras,
    ):  # fmt: skip
        defaults = dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, correct_bias=correct_bias, rank=rank,
            update_proj_gap=update_proj_gap, scale=scale, proj_type=proj_type,
        )  # fmt: skip
        super().__init__(params, defaults, extras)


class GaLoreAdafactor(Adafactor):
    """Adafactor on gradients that are projected onto their first singular vectors, with the results of galore-torch.

    Args:
        params (iterable): Tensors, (name, tensor) pairs, or dicts of groups.
        lr, eps, clip_threshold, decay_rate, beta1, weight_decay, scale_parameter, relative_step, warmup_init:
            As for `Adafactor`.
        rank, update_proj_gap, scale, proj_type: As for `GaLoreAdamW`.
        rounding, rounding_seed, threads, non_finite: As for `Adafactor`.

    Raises:
        ValueError: As `Adafactor` does.
    """

    _optimizer = "galore_adafactor"
    _options = (*Adafactor._options, "rank", "update_proj_gap", "scale", "proj_type")

    def __init__(
        self, params, lr=None, eps=(1e-30, 1e-3), clip_threshold=1.0, decay_rate=-0.8, beta1=None, weight_decay=0.0,
        scale_parameter=True, relative_step=True, warmup_init=False, *, rank=None, update_proj_gap=200, scale=0.25,
        proj_type="std", **extras,
    ):  # fmt: skip
        _check_relative_step({"lr": lr, "relative_step": relative_step, "warmup_init": warmup_init})
        defaults = dict(
            lr=lr, eps=eps, clip_threshold=clip_threshold, decay_rate=decay_rate, beta1=beta1, weight_decay=weight_decay,
            scale_parameter=scale_parameter, relative_step=relative_step, warmup_init=warmup_init, rank=rank,
            update_proj_gap=update_proj_gap, scale=scale, proj_type=proj_type,
        )  # fmt: skip
        SwiftOptimizer.__init__(self, params, defaults, extras)


class ScheduleFreeAdamW(SwiftOptimizer):
    """Schedule-free AdamW with the results of schedulefree: no schedule, and an average of the weights for evaluation.

    Call `eval` before an evaluation or a save, and `train` after it. transformers' Trainer does both.

    Args:
        params (iterable): Tensors, (name, tensor) pairs, or dicts of groups.
        lr (float): The learning rate.
        betas (tuple of two floats): The interpolation between average and newest weights, and the coefficient of the average of
            squares.
        eps (float): Added to the denominator.
        weight_decay (float): The weight decay, at the training weights.
        warmup_steps (int): The number of steps in which the rate rises.
        r (float): The power of the step in the weight of an average.
        weight_lr_power (float): The power of the greatest rate in the weight of an average.
        rounding, rounding_seed, threads, non_finite: As for `Adafactor`.

    Raises:
        ValueError: For options out of range, and for a step in evaluation mode.
    """

    _optimizer = "schedule_free_adamw"
    _options = ("lr", "betas", "eps", "weight_decay", "warmup_steps", "r", "weight_lr_power")

    def __init__(
        self, params, lr=0.0025, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, warmup_steps=0, r=0.0,
        weight_lr_power=2.0, **extras,
    ):  # fmt: skip
        defaults = dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, warmup_steps=warmup_steps, r=r,
            weight_lr_power=weight_lr_power,
        )  # fmt: skip
        super().__init__(params, defaults, extras)

    @torch.no_grad()
    def eval(self):
        """Sets the parameters to their evaluation weights, x = y + (1 − 1/β₁)(z − y). The state keeps y."""
        for p, state, beta1 in self._stepped():
            if state["train_mode"] == 1:
                state["y"] = p.detach().clone()
                p.copy_(self._evaluation_weights(state, beta1))
                state["train_mode"] = 0.0

    @torch.no_grad()
    def train(self):
        """Sets the parameters back to their training weights y, or to y = x + (1 − β₁)(z − x) if x was changed meanwhile."""
        for p, state, beta1 in self._stepped():
            if state["train_mode"] == 0:
                if "y" in state and torch.equal(self._evaluation_weights(state, beta1).to(p.device), p):
                    p.copy_(state["y"])
                else:
                    z = state["z"].to(p.device)
                    x = p.to(z.dtype)
                    p.copy_(x + (z - x) * (1 - beta1))
                    if "residual" in state:
                        state["residual"].zero_()
                state.pop("y", None)
                state["train_mode"] = 1.0

    def _stepped(self):
        for group in self.param_groups:
            for p in group["params"]:
                if self.state.get(p):
                    yield p, self.state[p], group["betas"][0]

    @staticmethod
    def _evaluation_weights(state, beta1):
        """Returns x, of the y and z in a state, in the type of y."""
        y, z = state["y"].to(state["z"].dtype).cpu(), state["z"].cpu()
        if "residual" in state:
            # Of float16 it is kept in units of 2⁻¹¹.
            unit = 2.0**-11 if state["y"].dtype == torch.float16 else 1.0
            y = y + state["residual"].to(y.dtype) * unit
        return (y + (z - y) * (1 - 1 / beta1)).to(state["y"].dtype)

"""Adafactor and AdamW in torch's operations, for tensors on other devices than the CPU."""

import math

import torch


def adafactor(p, grad, state, group):
    """Takes one step of `transformers.Adafactor`, with its state in float32 (float64 for float64 parameters).

    The factors of a factored update are multiplied into the gradient one after the other, as the CPU does: a row of zeros next
    to rows of 1e8 and more stays finite.
    """
    kind = torch.float64 if p.dtype == torch.float64 else torch.float32
    grad, value = grad.to(kind), p.detach().to(kind)
    is_factored = grad.dim() >= 2
    if not state:
        state["step"] = 0
        if is_factored:
            state["exp_avg_sq_row"] = torch.zeros(grad.shape[:-1], dtype=kind, device=p.device)
            state["exp_avg_sq_col"] = torch.zeros(grad.shape[:-2] + grad.shape[-1:], dtype=kind, device=p.device)
        else:
            state["exp_avg_sq"] = torch.zeros_like(grad)
    step = state["step"] = int(state["step"]) + 1
    weight = step ** group["decay_rate"]
    epsilon, least_scale = group["eps"]
    rate = group["lr"]
    if group["relative_step"]:
        rate = min(1e-6 * step if group["warmup_init"] else 1e-2, 1 / math.sqrt(step))
    rms = None
    if group["scale_parameter"]:
        rms = state["RMS"] = _rms(value)
        rate = rate * torch.where(rms > least_scale, rms, least_scale)
    squares = grad.square() + epsilon
    if is_factored:
        rows, columns = state["exp_avg_sq_row"], state["exp_avg_sq_col"]
        rows.lerp_(squares.mean(dim=-1), weight)
        columns.lerp_(squares.mean(dim=-2), weight)
        update = grad * columns.rsqrt().unsqueeze(-2)
        update *= (rows / rows.mean(dim=-1, keepdim=True)).rsqrt().unsqueeze(-1)
    else:
        moments = state["exp_avg_sq"]
        moments.lerp_(squares, weight)
        update = grad * moments.rsqrt()
    update *= rate / (_rms(update) / group["clip_threshold"]).clamp(min=1.0)
    if group["beta1"] is not None:
        if "exp_avg" not in state:
            state["exp_avg"] = torch.zeros_like(grad)
        update = state["exp_avg"].mul_(group["beta1"]).add_(update, alpha=1 - group["beta1"])
    p.copy_(value - value * (group["weight_decay"] * rate) - update)


def _rms(tensor):
    return tensor.norm() / math.sqrt(max(1, tensor.numel()))


def adamw(p, grad, state, group):
    """Takes one step of `torch.optim.AdamW`, with its state in float32 (float64 for float64 parameters)."""
    kind = torch.float64 if p.dtype == torch.float64 else torch.float32
    grad, value = grad.to(kind), p.detach().to(kind)
    if group["maximize"]:
        grad = -grad
    if not state:
        state["step"] = 0
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(grad), torch.zeros_like(grad)
    step = state["step"] = int(state["step"]) + 1
    beta1, beta2 = group["betas"]
    rate = float(group["lr"])
    average, squares = state["exp_avg"], state["exp_avg_sq"]
    average.lerp_(grad, 1 - beta1)
    squares.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    if group["amsgrad"]:
        if "max_exp_avg_sq" not in state:
            state["max_exp_avg_sq"] = torch.zeros_like(grad)
        squares = torch.maximum(state["max_exp_avg_sq"], squares, out=state["max_exp_avg_sq"])
    corrections = (1 - beta1**step, 1 - beta2**step) if group["correct_bias"] else (1, 1)
    denominator = (squares / corrections[1]).sqrt_().add_(group["eps"])
    value = value - value * (rate * group["weight_decay"])
    p.copy_(value.addcdiv_(average, denominator, value=-rate / corrections[0]))


RULES = {"adafactor": adafactor, "adamw": adamw}

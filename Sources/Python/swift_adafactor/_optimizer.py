"""The base class of the optimizers for torch, with the steps of the Swift library for tensors on the CPU."""

from operator import attrgetter

import torch

from . import _library as library
from ._device_rules import RULES
from ._group import TYPES, Plan, arithmetic_type

_gradient = attrgetter("grad")
_PLAIN_TYPES = {torch.nn.Parameter, torch.Tensor}

#: The options that every optimizer here has in addition to its reference's.
EXTRAS = {"rounding": "nearest", "rounding_seed": 0, "threads": None, "non_finite": "propagate"}


class SwiftOptimizer(torch.optim.Optimizer):
    """An optimizer that steps groups by the library, and keeps states in float32.

    A subclass names the library's optimizer and the options that it has.
    """

    _optimizer: str
    _options: tuple

    def __init__(self, params, defaults, extras):
        unknown = set(extras) - set(EXTRAS)
        if unknown:
            raise TypeError(f"{type(self).__name__}.__init__() got an unexpected keyword argument {min(unknown)!r}")
        self._plans = {}
        super().__init__(params, {**defaults, **EXTRAS, **extras})

    def add_param_group(self, param_group):
        """Adds a group, which the next step updates too.

        Args:
            param_group (dict): "params", with options of its own.

        Raises:
            ValueError: For options out of range, and for what `torch.optim.Optimizer` refuses.
            TypeError: For parameters of other types than float32, float64, float16 and bfloat16.
        """
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        try:
            library.check_options(self._optimizer, self._settings(group))
            library.make_call(self._optimizer, b"{}", 0, group["non_finite"])
            if not (group["threads"] is None or isinstance(group["threads"], int) and group["threads"] > 0):
                raise ValueError(f"threads is {group['threads']!r}: it must be a number above 0, or None for torch's.")
            for index, p in enumerate(group["params"]):
                if p.dtype not in TYPES:
                    raise TypeError(
                        f"Parameter {index} of the group has the type {p.dtype}: it must be one of "
                        f"{', '.join(map(str, TYPES))}."
                    )
        except BaseException:
            self.param_groups.pop()
            raise

    def __setstate__(self, state):
        super().__setstate__(state)
        self._plans = {}
        for group in self.param_groups:
            # A state of the reference has only the reference's options.
            for name, value in self.defaults.items():
                group.setdefault(name, value)

    def load_state_dict(self, state_dict):
        """Restores a state that `state_dict` returned, here or of the reference's optimizer.

        Moments stay in float32 (float64 for float64 parameters), also if the parameter has 16 bits. torch casts them to the
        parameter's type, which loses most of their digits.

        Args:
            state_dict (dict): The state.

        Raises:
            ValueError: For groups that differ in number or size, as in torch.
        """
        seen = []
        handle = self.register_load_state_dict_pre_hook(lambda optimizer, state: seen.append(state))
        try:
            super().load_state_dict(state_dict)
        finally:
            handle.remove()
        # As the hooks that came before have left it.
        saved = seen[0]
        ids = [index for group in saved["param_groups"] for index in group["params"]]
        parameters = [p for group in self.param_groups for p in group["params"]]
        for index, p in zip(ids, parameters):
            for key, value in saved["state"].get(index, {}).items():
                if not isinstance(value, torch.Tensor) or key == "step" or not value.is_floating_point():
                    continue
                dtype = p.dtype if key in ("residual", "y") else arithmetic_type(p.dtype)
                self.state[p][key] = value.to(dtype=dtype, device=p.device)
        self._plans = {}

    def step(self, closure=None):
        """Takes one step of every parameter that has a gradient.

        Args:
            closure (callable, optional): Computes the loss and the gradients, and returns the loss.

        Returns:
            The closure's result, or None.

        Raises:
            RuntimeError: For a sparse gradient.
            ValueError: For options, gradients and states that do not fit. The group with it is unchanged.
            FloatingPointError: For an update that is not finite, with non_finite="throw_error". The group is unchanged.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            self._step_groups()
        return loss

    @torch._disable_dynamo
    def _step_groups(self):
        for index, group in enumerate(self.param_groups):
            parameters = group["params"]
            gradients = list(map(_gradient, parameters))
            if type(None) in set(map(type, gradients)):
                pairs = [(p, g) for p, g in zip(parameters, gradients) if g is not None]
                parameters, gradients = [p for p, _ in pairs], [g for _, g in pairs]
            if parameters:
                self._step_group(index, group, parameters, gradients)

    def _step_group(self, index, group, parameters, gradients):
        options = library.encoded(self._settings(group))
        threads = group["threads"] or torch.get_num_threads()
        trusts_versions = group.get("trusts_versions", False)
        call = library.make_call(
            self._optimizer, options, threads, group["non_finite"], uses_squares=trusts_versions
        )
        states = list(map(self.state.__getitem__, parameters))
        plan = self._plans.get(index)
        try:
            fits = plan is not None and plan.fits(parameters, gradients, states, self._layout_options(group))
        except RuntimeError:
            fits = False
        if fits:
            if trusts_versions:
                plan.check_squares(parameters)
            stepped = plan.run(call, gradients)
            _increment_versions(parameters, stepped)
            if trusts_versions:
                plan.keep_squares(parameters)
        else:
            self._plans.pop(index, None)
            self._prepare_and_step(index, group, parameters, gradients, states, options, call)

    def _prepare_and_step(self, index, group, parameters, gradients, states, options, call):
        self._check(group, parameters, gradients)
        all_names = self._names(index, group)
        here, there = [], []
        for p, g, state in zip(parameters, gradients, states):
            is_elsewhere = p.device.type != "cpu" or type(p) not in _PLAIN_TYPES
            (there if is_elsewhere and self._optimizer in RULES else here).append((p, g, state))
        if here:
            parameters, gradients, states = map(list, zip(*here))
            # A copy, where the elements are not in row-major order on the CPU.
            values = [_row_major(p.detach()) for p in parameters]
            gradients = [_row_major(g) for g in gradients]
            plan = Plan(self._optimizer, values, gradients, states, [all_names[id(p)] for p in parameters], options)
            stepped = plan.run(call, gradients)
            copied = [(p, v) for p, v in zip(parameters, values) if p.device != v.device or p.data_ptr() != v.data_ptr()]
            for p, value in copied:
                p.copy_(value)
            _increment_versions(parameters, stepped)
            if not copied and not there:
                plan.keep_for(parameters, self._layout_options(group))
                if group.get("trusts_versions", False):
                    plan.keep_squares(parameters)
                self._plans[index] = plan
        for p, g, state in there:
            RULES[self._optimizer](p, g, state, group)

    def _check(self, group, parameters, gradients):
        """Refuses what no step can be taken of."""
        for p, g in zip(parameters, gradients):
            if g.layout != torch.strided:
                raise RuntimeError(f"{type(self).__name__} does not support sparse gradients.")
            if hasattr(p, "to_local"):
                raise ValueError(
                    f"{type(self).__name__} does not step a DTensor, whose second moments are sums over all machines: "
                    "step the tensors of p.to_local(), if each machine may scale and clip its own part."
                )
            if g.dtype not in TYPES:
                raise TypeError(f"A gradient has the type {g.dtype}: it must be one of {', '.join(map(str, TYPES))}.")
            if p.device.type != "cpu" and self._optimizer in RULES:
                for name in ("rounding", "non_finite"):
                    if group[name] != EXTRAS[name]:
                        raise ValueError(
                            f"{name} is {group[name]!r}, and a parameter is on {p.device}: only the CPU has a choice. "
                            f"Leave it at {EXTRAS[name]!r}."
                        )

    def _names(self, index, group):
        """Returns the names of a group's parameters, by which stochastic rounding tells them apart, by their id."""
        names = group.get("param_names") or [f"{index}.{place}" for place in range(len(group["params"]))]
        return {id(p): name for p, name in zip(group["params"], names)}

    def _settings(self, group):
        """Returns the options of a group as the library has them."""
        return {name: _plain(group[name]) for name in (*self._options, "rounding", "rounding_seed")}

    def _layout_options(self, group):
        """Returns the options on which the tensors of a state depend."""
        return {
            name: group.get(name) if name in ("rounding", "amsgrad") else group.get(name) in (None, 0)
            for name in ("rounding", "amsgrad", "beta1", "momentum")
        }


def _plain(value):
    return value.item() if isinstance(value, torch.Tensor) else value


def _row_major(tensor):
    return tensor.detach().cpu().contiguous()


def _increment_versions(parameters, stepped):
    """Tells autograd that parameters were written, which it does not see."""
    if stepped is not True:
        parameters = [p for p, was_stepped in zip(parameters, stepped) if was_stepped]
    if parameters:
        torch.autograd.graph.increment_version(parameters)

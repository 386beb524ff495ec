"""The parameters of a group as the library reads them, kept from step to step."""

import array
import ctypes
from operator import attrgetter, is_, itemgetter

import torch

from . import _library as library

TYPES = {torch.float32: 0, torch.float64: 1, torch.float16: 2, torch.bfloat16: 3}
_DTYPES = {code: dtype for dtype, code in TYPES.items()}

#: The moments that a state may lack because the option that needs them was turned on since.
_OPTIONAL = {
    "adafactor": {"exp_avg"}, "factored_soap": {"exp_avg"}, "galore_adafactor": {"exp_avg"}, "adamw": {"max_exp_avg_sq"},
    "sgd": {"momentum_buffer"},
}  # fmt: skip

# The words of 8 bytes of a struct, and the places of fields that change from step to step.
_WORDS = ctypes.sizeof(library.Tensor) // 8
_GRADIENT = library.Tensor.gradient.offset // 8
_STEP = library.Tensor.step.offset // 8
_FLAGS = library.Tensor.has_state.offset // 8
_NUMBERS = library.Tensor.numbers.offset // 8
_SQUARES = library.Tensor.squares.offset // 8
#: The word of a tensor that has a state and was stepped: has_state is the lower half, outcome the upper.
_WAS_STEPPED = 1 | library.STEPPED << 32

_data_ptr, is_contiguous = torch.Tensor.data_ptr, torch.Tensor.is_contiguous
_nbytes, _dtype, _step = attrgetter("nbytes"), attrgetter("dtype"), itemgetter("step")
_version = attrgetter("_version")


class Plan:
    """The descriptors of parameters that have gradients.

    Nothing in it is state of the optimizer. A new plan is made whenever the parameters, their memory or their states have
    changed, and a copy of an optimizer makes its own.
    """

    def __init__(self, optimizer, parameters, gradients, states, names, options):
        """Prepares parameters and gradients on the CPU, contiguous. Adds states to parameters that have none."""
        self.count = len(parameters)
        self._optimizer = optimizer
        self._ids, self._options, self._states = [], None, states
        self._versions = []
        self._addresses, self._sizes = list(map(_data_ptr, parameters)), list(map(_nbytes, parameters))
        self._gradient_types, self._gradient_sizes = list(map(_dtype, gradients)), list(map(_nbytes, gradients))
        # All moments, with the states that hold them, and their names there.
        self._moments, self._owners, self._keys = [], [], []
        # Memory that the structs refer to.
        self._kept = []
        self._number_names = []
        self._words = array.array("q", bytes(8 * _WORDS * self.count))
        self._tensors = (library.Tensor * self.count).from_buffer(self._words)
        self._doubles = memoryview(self._words).cast("B").cast("d")
        layouts = {}
        fresh = [state for state in states if not state]
        try:
            for index, (p, g, state) in enumerate(zip(parameters, gradients, states)):
                key = (TYPES[p.dtype], tuple(p.shape))
                if key not in layouts:
                    layouts[key] = (*library.state_layout(optimizer, options, *key), library.shape_array(key[1]))
                self._describe(self._tensors[index], p, g, state, names[index], *layouts[key])
        except BaseException:
            for state in fresh:
                state.clear()
            raise
        self._lengths = list(map(len, states))
        self._moment_addresses = list(map(_data_ptr, self._moments))

    def _describe(self, tensor, p, g, state, name, layout, number_names, shape):
        """Fills in the struct of a parameter."""
        self._number_names = number_names
        is_first = not state
        if is_first:
            state["step"] = 0
            state.update({key: torch.zeros(size, dtype=_DTYPES[code]) for key, (code, size) in layout.items()})
            state.update({key: 0.0 for key in number_names})
        elif "step" in state:
            state["step"] = int(state["step"])
        elif self._optimizer == "sgd":
            # torch's counts no steps. The first one differs from the others.
            state["step"] = 1
        else:
            raise ValueError(f"The state of {name} lacks step, the number of steps taken.")
        if "residual" not in layout:
            # It belongs to a rounding that this step does not have.
            state.pop("residual", None)
        for key in number_names:
            if key not in state and key != "RMS":
                raise ValueError(f"The state of {name} lacks {key}, a number that the steps before it have left.")
            if isinstance(state.get(key), torch.Tensor):
                state[key] = state[key].item()
        keys = [
            key
            for key, value in state.items()
            if isinstance(value, torch.Tensor) and key != "step" and key not in number_names
        ]
        added = [
            key
            for key in layout
            if key not in keys and key in _OPTIONAL.get(self._optimizer, set()) | {"residual"}
        ]
        entries = (library.State * max(1, len(keys) + len(added)))()
        for entry, key in zip(entries, keys + added):
            if key in added:
                code, size = layout[key]
                state[key] = torch.zeros(size, dtype=_DTYPES[code])
            kind = p.dtype if key in ("residual", "y") else arithmetic_type(p.dtype)
            moment = state[key] = state[key].to(device="cpu", dtype=kind).contiguous()
            dimensions = library.shape_array(moment.shape)
            entry.name, entry.data, entry.type = key.encode(), moment.data_ptr(), TYPES[moment.dtype]
            entry.shape, entry.rank, entry.is_new = dimensions, moment.dim(), int(key in added)
            self._moments.append(moment)
            self._owners.append(state)
            self._keys.append(key)
            self._kept.append(dimensions)
        text = name.encode()
        tensor.parameter, tensor.gradient = p.data_ptr(), g.data_ptr()
        tensor.parameter_type, tensor.gradient_type = TYPES[p.dtype], TYPES[g.dtype]
        tensor.shape, tensor.rank = shape, p.dim()
        tensor.states, tensor.state_count = entries, len(keys) + len(added)
        tensor.name, tensor.gradient_scale = text, 1.0
        tensor.has_state = 0 if is_first else 1
        self._kept += [entries, shape, text]

    def keep_for(self, parameters, options):
        """Prepares later steps of these parameters, whose memory the plan was made with.

        `options` are the ones on which the tensors of a state depend.
        """
        self._ids, self._options = list(map(id, parameters)), options

    def fits(self, parameters, gradients, states, options):
        """Returns whether the plan holds for these. Raises RuntimeError for sparse gradients."""
        return (
            options == self._options
            and list(map(id, parameters)) == self._ids
            and all(map(is_contiguous, gradients))
            and all(map(is_, states, self._states))
            and list(map(len, states)) == self._lengths
            and all(map(is_, map(dict.get, self._owners, self._keys), self._moments))
            and list(map(_data_ptr, parameters)) == self._addresses
            and list(map(_nbytes, parameters)) == self._sizes
            and all(map(is_contiguous, parameters))
            and list(map(_dtype, gradients)) == self._gradient_types
            and list(map(_nbytes, gradients)) == self._gradient_sizes
            and list(map(_data_ptr, self._moments)) == self._moment_addresses
        )

    def keep_squares(self, parameters):
        """Notes the versions of the parameters, for which the sums of squares hold that the last step left."""
        self._versions = list(map(_version, parameters))

    def check_squares(self, parameters):
        """Discards the sums of squares of parameters that were written since."""
        versions = list(map(_version, parameters))
        if versions != self._versions:
            # Without versions, the steps before this one did not trust them.
            for index, (now, then) in enumerate(zip(versions, self._versions or [None] * self.count)):
                if now != then:
                    self._doubles[index * _WORDS + _SQUARES] = 0.0

    def run(self, call, gradients):
        """Takes one step, and returns whether each parameter was stepped: True if all were."""
        words, states = self._words, self._states
        words[_GRADIENT::_WORDS] = array.array("q", map(_data_ptr, gradients))
        try:
            words[_STEP::_WORDS] = array.array("q", map(_step, states))
        except TypeError:
            # Somebody has set a tensor, as torch's AdamW has it.
            words[_STEP::_WORDS] = array.array("q", [int(state["step"]) for state in states])
        has_inputs = self._number_names and self._number_names != ["RMS"]
        if has_inputs:
            for index, state in enumerate(states):
                for place, key in enumerate(self._number_names):
                    self._doubles[index * _WORDS + _NUMBERS + place] = state[key]
        try:
            library.step(call, self._tensors, self.count)
        except BaseException:
            self._forget_unused_states()
            raise
        if self._number_names == ["RMS"]:
            roots = self._doubles[_NUMBERS::_WORDS].tolist()
            for state, step, root in zip(states, words[_STEP::_WORDS], roots):
                state["step"], state["RMS"] = step, root
        else:
            for state, step in zip(states, words[_STEP::_WORDS]):
                state["step"] = step
            for place, key in enumerate(self._number_names):
                for state, value in zip(states, self._doubles[_NUMBERS + place :: _WORDS].tolist()):
                    state[key] = value
        flags = words[_FLAGS::_WORDS]
        if flags.count(_WAS_STEPPED) == self.count:
            return True
        self._forget_unused_states()
        return [bool(flag >> 32 & library.STEPPED) for flag in flags]

    def _forget_unused_states(self):
        """Discards the states that were made for a first step which was not taken."""
        for state, tensor in zip(self._states, self._tensors):
            if not tensor.has_state:
                state.clear()


def arithmetic_type(dtype):
    """Returns the type that parameters of a type are computed in, and keep their state in."""
    return torch.float64 if dtype == torch.float64 else torch.float32

"""The shared library: its structs and functions by ctypes, and errors as exceptions."""

import ctypes
import json
import os
import platform
import sys

MAX_RANK = 64
MAX_NUMBERS = 4

# Results of functions, as in adafactor.h.
OK, INVALID_CALL, UNKNOWN_NAME, INVALID_OPTION, INVALID_TENSOR, INVALID_STATE, NON_FINITE = range(7)

#: The codes of element types.
SCALAR_TYPES = {"float32": 0, "float64": 1, "float16": 2, "bfloat16": 3}
SCALAR_NAMES = {code: name for name, code in SCALAR_TYPES.items()}
BYTES = {0: 4, 1: 8, 2: 2, 3: 2}

#: The policies for updates that are not finite.
POLICIES = {"propagate": 0, "skip_parameter": 1, "skip_step": 2, "throw_error": 3}

STEPPED, WAS_NOT_FINITE = 1, 2

Shape = ctypes.POINTER(ctypes.c_int64)


class Error(ctypes.Structure):
    """adafactor_error."""

    _fields_ = [
        ("code", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
        ("tensor", ctypes.c_int64),
        ("message", ctypes.c_char * 1024),
    ]


class State(ctypes.Structure):
    """adafactor_state."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("shape", Shape),
        ("rank", ctypes.c_int64),
        ("type", ctypes.c_int32),
        ("is_new", ctypes.c_int32),
    ]


class Tensor(ctypes.Structure):
    """adafactor_tensor."""

    _fields_ = [
        ("parameter", ctypes.c_void_p),
        ("gradient", ctypes.c_void_p),
        ("parameter_type", ctypes.c_int32),
        ("gradient_type", ctypes.c_int32),
        ("shape", Shape),
        ("rank", ctypes.c_int64),
        ("states", ctypes.POINTER(State)),
        ("state_count", ctypes.c_int64),
        ("name", ctypes.c_char_p),
        ("step", ctypes.c_int64),
        ("has_state", ctypes.c_int32),
        ("outcome", ctypes.c_int32),
        ("gradient_scale", ctypes.c_double),
        ("numbers", ctypes.c_double * MAX_NUMBERS),
        ("squares", ctypes.c_double),
    ]


class Call(ctypes.Structure):
    """adafactor_call."""

    _fields_ = [
        ("size", ctypes.c_int64),
        ("tensor_size", ctypes.c_int64),
        ("state_size", ctypes.c_int64),
        ("optimizer", ctypes.c_char_p),
        ("options", ctypes.c_char_p),
        ("threads", ctypes.c_int64),
        ("non_finite", ctypes.c_int32),
        ("uses_baseline", ctypes.c_int32),
        ("uses_squares", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
    ]


class Layout(ctypes.Structure):
    """adafactor_layout."""

    _fields_ = [
        ("name", ctypes.c_char * 32),
        ("type", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
        ("rank", ctypes.c_int64),
        ("shape", ctypes.c_int64 * MAX_RANK),
    ]


def _open():
    path = os.environ.get("SWIFT_ADAFACTOR_LIBRARY") or os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "libadafactor.so"
    )
    if not (sys.platform == "linux" and platform.machine() in ("x86_64", "AMD64")):
        raise ImportError(
            f"swift_adafactor has a library for Linux on x86-64, and this is {sys.platform} on {platform.machine()}. "
            "Use the Swift package swift-adafactor there."
        )
    try:
        return ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"swift_adafactor cannot load its library {path}: {error}. Install the wheel for this system's glibc, "
            "or build one by scripts/wheel."
        ) from error


_library = _open()
_text = ctypes.c_char_p
_error = ctypes.POINTER(Error)


def _function(name, result, *arguments):
    function = getattr(_library, "adafactor_" + name)
    function.restype = result
    function.argtypes = arguments
    return function


_step = _function("step", ctypes.c_int32, ctypes.POINTER(Call), ctypes.c_void_p, ctypes.c_int64, _error)
_check_options = _function("check_options", ctypes.c_int32, _text, _text, _error)
_version = _function("version", _text)
_optimizer_name = _function("optimizer_name", _text, ctypes.c_int64)
_state_layout = _function(
    "state_layout", ctypes.c_int32, _text, _text, ctypes.c_int32, Shape, ctypes.c_int64, ctypes.POINTER(Layout),
    ctypes.c_int64, ctypes.POINTER(ctypes.c_int64), ctypes.POINTER(_text * MAX_NUMBERS), _error,
)  # fmt: skip
_schedule_rates = _function(
    "schedule_rates", ctypes.c_int32, _text, ctypes.c_int64, ctypes.c_int64, _text, ctypes.c_double, ctypes.c_int64,
    ctypes.c_int64, ctypes.POINTER(ctypes.c_double), _error,
)  # fmt: skip
_metric_rates = _function(
    "metric_rates", ctypes.c_int32, _text, _text, ctypes.c_double, ctypes.POINTER(ctypes.c_double), ctypes.c_int64,
    ctypes.POINTER(ctypes.c_double), _error,
)  # fmt: skip


def _check(code, error):
    if code == OK:
        return
    message = error.message.decode("utf-8", "replace")
    raise (FloatingPointError if code == NON_FINITE else ValueError)(message)


def version():
    """Returns the version of the library."""
    return _version().decode()


def optimizer_names():
    """Returns the names of all optimizers of the library."""
    names = []
    while (name := _optimizer_name(len(names))) is not None:
        names.append(name.decode())
    return names


def encoded(options):
    """Returns options as the library reads them: JSON in bytes."""
    try:
        return json.dumps(options).encode()
    except TypeError as error:
        raise TypeError(f"An option is neither a number, a text nor a list of them: {options}.") from error


def check_options(optimizer, options):
    """Raises ValueError for options that an optimizer does not have, or that are out of range."""
    error = Error()
    _check(_check_options(optimizer.encode(), encoded(options), error), error)


def shape_array(shape):
    """Returns the dimensions as the library reads them."""
    return (ctypes.c_int64 * max(1, len(shape)))(*shape)


def state_layout(optimizer, options, scalar_type, shape):
    """Returns the tensors of a state, {name: (type, shape)}, and the names of its numbers.

    `options` is bytes of JSON, and `scalar_type` the code of the parameter's type.
    """
    error, count, names = Error(), ctypes.c_int64(), (_text * MAX_NUMBERS)()
    dimensions = shape_array(shape)
    capacity = 16
    while True:
        entries = (Layout * capacity)()
        code = _state_layout(
            optimizer.encode(), options, scalar_type, dimensions, len(shape), entries, capacity, count, names, error
        )
        _check(code, error)
        if count.value <= capacity:
            break
        capacity = count.value
    tensors = {
        entry.name.decode(): (entry.type, tuple(entry.shape[: entry.rank])) for entry in entries[: count.value]
    }
    return tensors, [name.decode() for name in names if name]


def step(call, tensors, count):
    """Takes one step of `count` tensors, at an address or in a ctypes array.

    Raises ValueError for anything that does not fit, and FloatingPointError for an update that is not finite with the policy
    throw_error.
    """
    error = Error()
    _check(_step(call, tensors, count, error), error)


def make_call(optimizer, options, threads=0, non_finite="propagate", uses_baseline=False, uses_squares=False):
    """Returns the struct of a call. `options` is bytes of JSON."""
    if non_finite not in POLICIES:
        raise ValueError(f"non_finite is {non_finite!r}: it must be one of {', '.join(POLICIES)}.")
    return Call(
        ctypes.sizeof(Call), ctypes.sizeof(Tensor), ctypes.sizeof(State), optimizer.encode(), options, threads,
        POLICIES[non_finite], int(uses_baseline), int(uses_squares),
    )  # fmt: skip


def schedule_rates(
    schedule, initial_rate, count, *, first_step=0, num_warmup_steps=None, num_training_steps=None, options=None
):
    """Returns the learning rates of `count` steps of a schedule, as a list.

    Args:
        schedule: A name, such as "linear", "cosine" or "inverse_sqrt": a name of transformers, or of a
            schedule of torch.
        initial_rate: The learning rate that the schedule multiplies.
        count: The number of steps.
        first_step: The first of them.
        num_warmup_steps, num_training_steps: transformers' counts, or None.
        options: The schedule's own options, transformers' `scheduler_specific_kwargs`.

    Raises:
        ValueError: For an unknown name, and for a count or an option that is missing, unknown or out of range.
    """
    error, rates = Error(), (ctypes.c_double * max(1, count))()
    counts = [-1 if steps is None else steps for steps in (num_warmup_steps, num_training_steps)]
    code = _schedule_rates(
        schedule.encode(), *counts, encoded(options or {}), initial_rate, first_step, count, rates, error
    )
    _check(code, error)
    return list(rates[:count])


def metric_rates(schedule, initial_rate, metrics, *, options=None):
    """Returns the learning rates after each metric of a schedule that follows one, as a list.

    Args:
        schedule: "reduce_lr_on_plateau" or "greedy".
        initial_rate: The learning rate before the first metric.
        metrics: The metrics, such as validation losses.
        options: The schedule's options.

    Raises:
        ValueError: As `schedule_rates` does.
    """
    error, metrics = Error(), list(metrics)
    count = len(metrics)
    values, rates = (ctypes.c_double * max(1, count))(*metrics), (ctypes.c_double * max(1, count))()
    code = _metric_rates(schedule.encode(), encoded(options or {}), initial_rate, values, count, rates, error)
    _check(code, error)
    return list(rates[:count])

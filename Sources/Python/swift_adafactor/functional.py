"""A step as a function of arrays: NumPy's, JAX's on the host, and others that can be read by DLPack."""

import ctypes

from . import _library as library


class _Array:
    """The memory of an array: address, type, shape, and whether it can be written."""

    def __init__(self, array, title, writes):
        if hasattr(array, "__array_interface__"):
            interface = array.__array_interface__
            self.name = _type_of(interface["typestr"], getattr(getattr(array, "dtype", None), "name", None))
            self.shape = tuple(interface["shape"])
            self.address, is_readonly = interface["data"]
            strides = interface.get("strides")
            self.keeps = array
        elif hasattr(array, "__dlpack__"):
            numpy = _numpy(title)
            # A view, of arrays on the host only.
            self.keeps = numpy.from_dlpack(array)
            interface = self.keeps.__array_interface__
            self.name = _type_of(interface["typestr"], self.keeps.dtype.name)
            self.shape = tuple(interface["shape"])
            self.address, is_readonly = interface["data"]
            strides = interface.get("strides")
        else:
            raise TypeError(
                f"{title} is a {type(array).__name__}: it must be an array with __array_interface__ or __dlpack__."
            )
        if self.name is None:
            raise TypeError(
                f"{title} has the type {interface['typestr']}: it must be one of {', '.join(library.SCALAR_TYPES)}."
            )
        self.type = library.SCALAR_TYPES[self.name]
        if strides is not None and not _is_contiguous(self.shape, strides, library.BYTES[self.type]):
            raise ValueError(f"{title} has the strides {strides}: its elements must be contiguous in row-major order.")
        if writes and is_readonly:
            raise ValueError(
                f"{title} cannot be written, and the step changes it in place: pass a copy, such as numpy.array(x)."
            )


def _numpy(title):
    try:
        import numpy
    except ImportError as error:
        raise TypeError(f"{title} has only __dlpack__, which NumPy reads here, and NumPy is not installed.") from error
    return numpy


def _type_of(typestr, name):
    if name == "bfloat16":
        return name
    return {"<f4": "float32", "<f8": "float64", "<f2": "float16"}.get(typestr)


def _is_contiguous(shape, strides, size):
    if 0 in shape:
        return True
    for dimension, stride in zip(reversed(shape), reversed(strides)):
        if dimension != 1 and stride != size:
            return False
        size *= dimension
    return True


def initial_state(parameter, optimizer="adafactor", **options):
    """Returns the state of an array before its first step: a dict of NumPy arrays of zeros, and the step.

    Args:
        parameter: An array.
        optimizer: The optimizer's name: see `optimizer_names`.
        **options: The optimizer's options, such as lr=1e-3.

    Raises:
        ValueError: For an unknown optimizer, an option that is unknown or out of range, and a shape that it cannot step.
    """
    numpy = _numpy("The state")
    array = _Array(parameter, "parameter", writes=False)
    layout, numbers = library.state_layout(optimizer, library.encoded(options), array.type, array.shape)
    state = {"step": 0, "has_state": False}
    for name, (code, shape) in layout.items():
        # NumPy has no bfloat16, which only a residual can have: the array of the parameter has its type.
        dtype = array.keeps.dtype if code == array.type else library.SCALAR_NAMES[code]
        state[name] = numpy.zeros(shape, dtype)
    state.update({name: float("nan") for name in numbers})
    return state


def step(
    parameter, gradient, state, optimizer="adafactor", *, name="parameter", gradient_scale=1.0, threads=0,
    non_finite="propagate", **options,
):  # fmt: skip
    """Takes one step of one array, or of a list of arrays, in place.

        state = swift_adafactor.initial_state(weights)
        swift_adafactor.step(weights, gradient, state, relative_step=False, scale_parameter=False, lr=1e-3)

    Args:
        parameter: The array to change: float32, float64, float16 or bfloat16, contiguous in row-major order. Arrays of NumPy
            and others with `__array_interface__`, or with `__dlpack__`. JAX's arrays cannot be written: convert them to NumPy
            arrays once, by numpy.array, and back by jax.numpy.asarray.
        gradient: An array of the same shape, of any of these types. JAX's arrays on the host are read in place.
        state: The dict that `initial_state` returned. The step changes it.
        optimizer: The optimizer's name: see `optimizer_names`.
        name: The name in errors, and for stochastic rounding; a list of names for a list of arrays.
        gradient_scale: The factor that gradients are multiplied by as they are read.
        threads: The maximum number of threads; 0 for one per processor.
        non_finite: "propagate", "skip_parameter", "skip_step" or "throw_error".
        **options: The optimizer's options under the names of its reference.

    Returns:
        Whether the array was updated; a list of these for a list of arrays.

    Raises:
        TypeError: For what is no array, and for other types of elements.
        ValueError: For shapes, states and options that do not fit, with nothing changed.
        FloatingPointError: For an update that is not finite, with non_finite="throw_error".
    """
    is_one = not isinstance(parameter, (list, tuple))
    parameters, gradients, states = ([parameter], [gradient], [state]) if is_one else (parameter, gradient, state)
    names = [name] if is_one else name if isinstance(name, (list, tuple)) else [f"{name} {i}" for i in range(len(parameters))]
    if not len(parameters) == len(gradients) == len(states) == len(names):
        raise ValueError(
            f"There are {len(parameters)} parameters, {len(gradients)} gradients, {len(states)} states and {len(names)} "
            "names: there must be as many of each."
        )
    encoded = library.encoded(options)
    tensors = (library.Tensor * max(1, len(parameters)))()
    kept = []
    for tensor, p, g, s, n in zip(tensors, parameters, gradients, states, names):
        kept.append(_describe(tensor, p, g, s, n, optimizer, encoded, gradient_scale))
    library.step(library.make_call(optimizer, encoded, threads, non_finite), tensors, len(parameters))
    for tensor, s, (numbers, *_) in zip(tensors, states, kept):
        s["step"], s["has_state"] = tensor.step, bool(tensor.has_state)
        s.update(zip(numbers, tensor.numbers))
    stepped = [bool(tensor.outcome & library.STEPPED) for tensor in tensors[: len(parameters)]]
    return stepped[0] if is_one else stepped


def _describe(tensor, parameter, gradient, state, name, optimizer, options, gradient_scale):
    """Fills in a struct, and returns the names of the state's numbers and everything whose memory it refers to."""
    p, g = _Array(parameter, name, writes=True), _Array(gradient, f"The gradient of {name}", writes=False)
    if g.shape != p.shape:
        raise ValueError(f"The gradient of {name} has the shape {list(g.shape)}, and {name} {list(p.shape)}.")
    layout, numbers = library.state_layout(optimizer, options, p.type, p.shape)
    arrays = {
        key: _Array(value, f"{key} of {name}", writes=True)
        for key, value in state.items()
        if key not in ("step", "has_state", *numbers)
    }
    is_missing = [key for key in layout if key not in arrays and not state.get("has_state")]
    if is_missing:
        raise ValueError(f"The state of {name} lacks {is_missing[0]}: make it by initial_state with the same options.")
    shapes = [library.shape_array(a.shape) for a in arrays.values()]
    states = (library.State * max(1, len(arrays)))()
    for entry, (key, a), shape in zip(states, arrays.items(), shapes):
        entry.name, entry.data, entry.type = key.encode(), a.address, a.type
        entry.shape, entry.rank = shape, len(a.shape)
    shape = library.shape_array(p.shape)
    tensor.parameter, tensor.gradient = p.address, g.address
    tensor.parameter_type, tensor.gradient_type = p.type, g.type
    tensor.shape, tensor.rank, tensor.states, tensor.state_count = shape, len(p.shape), states, len(arrays)
    tensor.name, tensor.step, tensor.has_state = name.encode(), state["step"], int(state["has_state"])
    tensor.gradient_scale = gradient_scale
    for index, key in enumerate(numbers):
        tensor.numbers[index] = state[key]
    return numbers, p, g, arrays, shapes, states, shape

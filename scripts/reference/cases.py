"""The parts of a trajectory: groups with their options, parameters, and gradients by step."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .draws import as_float32, normal, only_in, zeroed


class Parameter:
    def __init__(self, shape, name=None, gradients=None, values=None, state=None):
        self.shape = list(shape)
        self.name = name or "x".join(["w", *map(str, shape)])
        self._gradients = gradients or normal()
        self._values = values or normal()
        self.state = None if state is None else lambda generator: state(generator, self.shape)

    def initial(self, generator):
        return as_float32(self._values(generator, self.shape, 0), self.shape)

    def gradient(self, generator, step):
        return as_float32(self._gradients(generator, self.shape, step), self.shape)


@dataclass
class Group:
    options: dict
    """All options, including defaults."""
    parameters: list


@dataclass
class Case:
    name: str
    sentence: str
    groups: list
    steps: int = 10
    changes: Callable = field(default=lambda step: [])
    has_nan: bool = False


def parameters(shapes, gradients=None, values=None):
    """Returns one parameter per shape."""
    return [Parameter(shape, gradients=gradients, values=values) for shape in shapes]


def zeroed_parameters(prefix="", shape=(9,)):
    """Returns parameters with a gradient that is zero everywhere or in places, always or for five steps."""
    return [
        Parameter(shape, f"{prefix}{name}.{until}", zeroed(place, until=until))
        for name, place in (("all", (...,)), ("some", (slice(2, 6),)))
        for until in (None, 5)
    ]


def absent_parameters(prefix="", shape=(7,)):
    """Returns parameters without a gradient in some of twelve steps, before or after some step, and in all steps."""
    steps = {"always": None, "odd": range(1, 13, 2), "late": range(4, 13), "early": range(1, 4), "never": ()}
    return [
        Parameter(shape, f"{prefix}{name}", None if with_gradient is None else only_in(with_gradient))
        for name, with_gradient in steps.items()
    ]


def parameters_scaled(group):
    """Returns the case of parameters of every magnitude. `group` makes a group of them."""
    scales = (("zero", 0.0), ("tiny", 1e-8), ("large", 1e4), ("huge", 1e12))
    return Case(
        "parameters-scaled",
        "Parameters that are zero, tiny, large and huge.",
        [group([Parameter([7], name, values=normal(scale)) for name, scale in scales])],
    )


def groups_of_options(sentence, group, options):
    """Returns the case with one group, of a matrix and a vector, per set of options."""
    return Case(
        "groups",
        sentence,
        [
            group(each, [Parameter(shape, f"group{index}.{len(shape)}") for shape in ([5, 7], [7])])
            for index, each in enumerate(options)
        ],
    )

"""What a trajectory is made of: groups with their options, parameters, and gradients by step."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .draws import as_float32, normal


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
    """All of them, defaults included."""
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
    """One parameter of each shape."""
    return [Parameter(shape, gradients=gradients, values=values) for shape in shapes]

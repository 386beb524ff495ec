"""Sources of gradients, initial values and states: functions of the generator, the shape and the step."""

import numpy as np


def normal(scale=1.0):
    """Returns a draw of gradients or initial values of one magnitude."""
    return lambda generator, shape, step: scale * generator.standard_normal(shape)


def log_uniform(smallest, largest):
    """Returns a draw of elements of either sign, spread evenly over the orders of magnitude."""

    def draw(generator, shape, step):
        return generator.choice([-1.0, 1.0], shape) * 10.0 ** generator.uniform(smallest, largest, shape)

    return draw


def constant(value):
    return lambda generator, shape, step: np.full(shape, value)


def swelling(generator, shape, step):
    """Draws gradients that grow tenfold every third step, so that the update's RMS passes any threshold near 1."""
    return 10.0 ** (step // 3) * generator.standard_normal(shape)


def only_in(steps):
    """Returns a draw without a gradient except in some steps."""
    draw = normal()
    return lambda generator, shape, step: draw(generator, shape, step) if step in steps else None


def zeroed(*places, until=None):
    """Returns a draw with zeros in some rows, columns or everywhere (index tuples), in every step or the first few."""

    def draw(generator, shape, step):
        gradient = generator.standard_normal(shape)
        if until is None or step <= until:
            for place in places:
                gradient[place] = 0
        return gradient

    return draw


def not_a_number(place, at):
    """Returns a draw of gradients with one NaN in one step."""

    def draw(generator, shape, step):
        gradient = generator.standard_normal(shape)
        if step == at:
            gradient[place] = np.nan
        return gradient

    return draw


def state_at(step, with_momentum):
    """Returns a draw of the state of a parameter after `step` steps."""

    def draw(generator, shape):
        def squares(of):
            return generator.uniform(0.5, 1.5, of).astype(np.float32)

        state = {"step": step, "RMS": 1.0}
        if len(shape) >= 2:
            state |= {
                "exp_avg_sq_row": squares(shape[:-1]),
                "exp_avg_sq_col": squares(shape[:-2] + shape[-1:]),
            }
        else:
            state |= {"exp_avg_sq": squares(shape)}
        if with_momentum:
            state |= {"exp_avg": (1e-3 * generator.standard_normal(shape)).astype(np.float32)}
        return state

    return draw


def as_float32(values, shape):
    return None if values is None else np.asarray(values, dtype=np.float32).reshape(shape)

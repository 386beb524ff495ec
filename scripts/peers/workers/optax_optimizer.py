"""optax.adafactor, compiled, with donated arguments."""

import functools

import jax
import optax

from peers import inputs


class OptaxAdafactor:
    # The number of threads is the number of processors that the process may use.
    def __init__(self, shapes, threads):
        # Without a rate, every step would change parameters by their own size.
        optimizer = optax.adafactor(learning_rate=1e-3)
        self.parameters = [jax.numpy.asarray(values) for values in inputs.parameters(shapes)]
        self.gradients = [jax.numpy.asarray(values) for values in inputs.gradients(shapes)]
        self.state = optimizer.init(self.parameters)

        @functools.partial(jax.jit, donate_argnums=(0, 1))
        def update(parameters, state, gradients):
            updates, state = optimizer.update(gradients, state, parameters)
            return optax.apply_updates(parameters, updates), state

        self.update = update

    def step(self):
        self.parameters, self.state = self.update(self.parameters, self.state, self.gradients)
        jax.block_until_ready(self.parameters)


OPTIMIZERS = {"optax": OptaxAdafactor}

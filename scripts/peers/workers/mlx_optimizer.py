"""mlx.optimizers.Adafactor, compiled, on the processor."""

from functools import partial

import mlx.core as mx
import mlx.optimizers

from peers import inputs


class MLXAdafactor:
    # MLX computes elementwise operations on one thread.
    def __init__(self, shapes, threads):
        mx.set_default_device(mx.cpu)
        parameters = {str(index): mx.array(values) for index, values in enumerate(inputs.parameters(shapes))}
        gradients = {str(index): mx.array(values) for index, values in enumerate(inputs.gradients(shapes))}
        optimizer = mlx.optimizers.Adafactor()
        optimizer.init(parameters)
        self.state = [parameters, optimizer.state]

        @partial(mx.compile, inputs=self.state, outputs=self.state)
        def update():
            parameters.update(optimizer.apply_gradients(gradients, parameters))

        self.update = update

    def step(self):
        self.update()
        mx.eval(self.state)


OPTIMIZERS = {"mlx": MLXAdafactor}

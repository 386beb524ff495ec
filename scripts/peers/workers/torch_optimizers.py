"""Ours in the Python package, transformers' Adafactor, torch's Adafactor and AdamW, and DeepSpeed's AdamW."""

import torch

from peers import inputs


class TorchOptimizer:
    """A subclass creates the optimizer, with every setting that makes its step faster."""

    def __init__(self, shapes, threads):
        torch.set_num_threads(threads)
        self.parameters = [torch.nn.Parameter(torch.from_numpy(values)) for values in inputs.parameters(shapes)]
        for parameter, gradient in zip(self.parameters, inputs.gradients(shapes)):
            parameter.grad = torch.from_numpy(gradient)
        self.optimizer = self.make()
        self.step = self.optimizer.step


class TransformersAdafactor(TorchOptimizer):
    def make(self):
        from transformers import Adafactor

        return Adafactor(self.parameters)


class PythonAdafactor(TorchOptimizer):
    def make(self):
        from swift_adafactor import Adafactor

        return Adafactor(self.parameters, trusts_versions=True)


class TorchAdafactor(TorchOptimizer):
    def make(self):
        return torch.optim.Adafactor(self.parameters, foreach=True)


class CompiledTorchAdafactor(TorchAdafactor):
    def __init__(self, shapes, threads):
        super().__init__(shapes, threads)
        torch._dynamo.reset()
        optimizer = self.optimizer
        self.step = torch.compile(lambda: optimizer.step())


class TorchAdamW(TorchOptimizer):
    def make(self):
        return torch.optim.AdamW(self.parameters, fused=True)


class DeepSpeedAdamW(TorchOptimizer):
    def make(self):
        from deepspeed.ops.adam import DeepSpeedCPUAdam

        return DeepSpeedCPUAdam(self.parameters, adamw_mode=True)


OPTIMIZERS = {
    "python": PythonAdafactor,
    "transformers": TransformersAdafactor,
    "torch": TorchAdafactor,
    "torch-compiled": CompiledTorchAdafactor,
    "torch-adamw": TorchAdamW,
    "deepspeed": DeepSpeedAdamW,
}

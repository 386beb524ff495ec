"""torch's Muon, and the SOAP of the package pytorch-optimizer."""

import torch

from peers.workers.torch_optimizers import TorchOptimizer


class MatrixOptimizer(TorchOptimizer):
    def __init__(self, shapes, threads, **options):
        self.options = options
        super().__init__(shapes, threads)

    def state_bytes(self):
        def size(value):
            if isinstance(value, torch.Tensor):
                return value.nbytes
            return sum(map(size, value)) if isinstance(value, (list, tuple)) else 0

        return sum(size(value) for state in self.optimizer.state.values() for value in state.values())


class TorchMuon(MatrixOptimizer):
    def make(self):
        return torch.optim.Muon(self.parameters, **self.options)


class PytorchOptimizerSOAP(MatrixOptimizer):
    def make(self):
        from pytorch_optimizer import SOAP

        return SOAP(self.parameters, **self.options)


OPTIMIZERS = {"torch-muon": TorchMuon, "pytorch-optimizer-soap": PytorchOptimizerSOAP}

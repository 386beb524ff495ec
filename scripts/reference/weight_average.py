"""Writes the averages of torch's AveragedModel with get_ema_multi_avg_fn, bit for bit as hexadecimal numbers.

Each case has the `decay`, the element type, and per update the `values` of a parameter and the `averages` after it.
"""

import json

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def case(decay, dtype, count=7, updates=12):
    generator = torch.Generator().manual_seed(round(decay * 1000))
    model = torch.nn.Linear(count, 1, bias=False, dtype=dtype)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))
    values, averages = [], []
    for _ in range(updates):
        with torch.no_grad():
            model.weight.copy_(torch.randn(model.weight.shape, generator=generator, dtype=dtype))
        averaged.update_parameters(model)
        values.append([float(x).hex() for x in model.weight.detach().flatten()])
        averages.append([float(x).hex() for x in averaged.module.weight.detach().flatten()])
    return {"decay": decay, "type": str(dtype).split(".")[1], "values": values, "averages": averages}


def generate(output):
    records = [case(decay, dtype) for dtype in (torch.float32, torch.float64) for decay in (0.999, 0.9, 0.3, 0.0)]
    provenance = {"script": "scripts/make_reference.py", "torch": torch.__version__.split("+")[0]}
    lines = ",\n".join("    " + json.dumps(record) for record in records)
    text = f'{{\n  "provenance": {json.dumps(provenance)},\n  "cases": [\n{lines}\n  ]\n}}\n'
    (output / "OptimizersTests/Reference/weight-average.json").write_text(text)

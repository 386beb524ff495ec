#!/usr/bin/env python3
"""Converts the state of a Python optimizer to this package's files and back.

    python3 -m pip install torch safetensors
    python3 scripts/convert_state.py to-safetensors optimizer.pt state.safetensors --names names.json
    python3 scripts/convert_state.py to-torch state.safetensors optimizer.pt --names names.json

optimizer.pt holds `optimizer.state_dict()` of transformers.Adafactor or torch.optim.AdamW. torch numbers the
parameters, group after group; names.json is the list of their names in this order. With one group, write it with

    json.dump([name for name, _ in model.named_parameters()], open("names.json", "w"))

to-safetensors does not need the list if the optimizer was created from named parameters, because torch saves their names.
to-torch does not need it if the groups list their parameters in the order of the Python optimizer.

The result of to-safetensors is read by `optimizer.restoreState(from:)` and `adafactor step`, and the result of to-torch by
`optimizer.load_state_dict(torch.load(...))`.
"""

import argparse
import json
import math
import sys

# The parts of a parameter's state by kind of optimizer: the tensors, and the single numbers.
KINDS = {
    "adafactor": (("exp_avg_sq_row", "exp_avg_sq_col", "exp_avg_sq", "exp_avg"), ("RMS",)),
    "adamw": (("exp_avg", "exp_avg_sq", "max_exp_avg_sq"), ()),
}
# The options that both sides have, with the values of options that a file may omit.
OPTIONS = {
    "adafactor": {
        "lr": None,
        "eps": (1e-30, 1e-3),
        "clip_threshold": 1.0,
        "decay_rate": -0.8,
        "beta1": None,
        "weight_decay": 0.0,
        "scale_parameter": True,
        "relative_step": True,
        "warmup_init": False,
    },
    "adamw": {
        "lr": 1e-3,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "weight_decay": 0.01,
        "amsgrad": False,
        "maximize": False,
    },
}
# Other settings in the groups of torch's AdamW, which affect the implementation but not the result.
TORCH_ONLY = {
    "adafactor": {},
    "adamw": {
        "foreach": None,
        "capturable": False,
        "differentiable": False,
        "fused": None,
        "decoupled_weight_decay": True,
    },
}


class ConversionError(Exception):
    pass


def kind_of(groups):
    """Returns the kind of optimizer that these groups belong to."""
    options = set(groups[0])
    if "clip_threshold" in options:
        return "adafactor"
    if "betas" in options:
        return "adamw"
    raise ConversionError("this is the state of neither transformers.Adafactor nor torch.optim.AdamW")


def names_of(groups, names, count):
    """Returns the names of the parameters by torch's numbers."""
    saved = {
        number: name
        for group in groups
        for number, name in zip(group["params"], group.get("param_names", []), strict=False)
    }
    if names is None:
        if len(saved) != count:
            raise ConversionError("the state contains no names of parameters: give them with --names")
        return saved
    if len(names) != count or len(set(names)) != count:
        raise ConversionError(f"{len(set(names))} different names for {count} parameters: each needs exactly one name")
    return dict(enumerate(names))


def json_number(value):
    """Returns the option for JSON, which has no infinity and no NaN: our files hold them as strings."""
    if isinstance(value, (list, tuple)):
        return [json_number(element) for element in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def python_number(value):
    if isinstance(value, list):
        return tuple(python_number(element) for element in value)
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else value


def to_safetensors(state_dict, names=None):
    """Returns the tensors and the metadata of a file with this state."""
    import torch

    groups, state = state_dict["param_groups"], state_dict["state"]
    kind = kind_of(groups)
    tensor_parts, number_parts = KINDS[kind]
    names = names_of(groups, names, sum(len(group["params"]) for group in groups))
    if kind == "adamw" and not all(group.get("decoupled_weight_decay", True) for group in groups):
        raise ConversionError("this is the state of Adam: its weight decay is not AdamW's")
    tensors = {}
    for number, parts in state.items():
        name = names[number]
        for part, value in parts.items():
            if part == "step":
                tensors[f"{name}.step"] = torch.tensor(int(value), dtype=torch.int64)
            elif part in number_parts:
                tensors[f"{name}.{part}"] = torch.tensor(float(value), dtype=torch.float64)
            elif part in tensor_parts:
                # Tensors that share memory cannot be saved, and torch may load states with such tensors.
                tensors[f"{name}.{part}"] = value.detach().cpu().contiguous().clone()
            else:
                raise ConversionError(f"the state of {name} has the unknown part {part!r}")
    records = []
    for group in groups:
        record = {"parameters": [names[number] for number in group["params"]]}
        for option, default in OPTIONS[kind].items():
            value = group.get(option, default)
            record[option] = json_number(value.item() if isinstance(value, torch.Tensor) else value)
        records.append(record)
    return tensors, {"optimizer": kind, "groups": json.dumps(records)}


def to_torch(tensors, metadata, names=None):
    """Returns the state_dict for a file's tensors and metadata."""
    import torch

    kind = metadata.get("optimizer")
    if kind not in KINDS:
        known = ", ".join(KINDS)
        raise ConversionError(f"the file's metadata names the optimizer {kind!r}, not one of {known}")
    tensor_parts, number_parts = KINDS[kind]
    records = json.loads(metadata["groups"])
    if not all(record.get("correct_bias", True) for record in records):
        raise ConversionError("torch's AdamW cannot disable bias correction")
    has_names = names is not None
    if names is None:
        names = [name for record in records for name in record["parameters"]]
    numbers = {name: number for number, name in enumerate(names)}
    for name in {name for record in records for name in record["parameters"]} ^ set(names):
        raise ConversionError(f"{name} must be both in the file and among the names")
    state = {}
    for key, value in tensors.items():
        name, _, part = key.rpartition(".")
        if name not in numbers:
            raise ConversionError(f"{key} belongs to no parameter in the file's groups")
        if part == "step":
            # transformers counts with Python's integers, torch with float32 tensors.
            step = int(value)
            value = torch.tensor(float(step)) if kind == "adamw" else step
        elif part in number_parts:
            value = value.to(torch.float32)
        elif part not in tensor_parts:
            raise ConversionError(f"{key} is not part of the state of {kind}")
        state.setdefault(numbers[name], {})[part] = value
    if kind == "adafactor":
        for parts in state.values():
            # The reference only overwrites it, but it must exist.
            parts.setdefault("RMS", torch.tensor(0.0))
    groups = []
    for record in records:
        group = {
            option: python_number(record.get(option, json_number(default)))
            for option, default in OPTIONS[kind].items()
        }
        group |= TORCH_ONLY[kind]
        group["params"] = [numbers[name] for name in record["parameters"]]
        if not has_names:
            group["param_names"] = record["parameters"]
        groups.append(group)
    return {"state": dict(sorted(state.items())), "param_groups": groups}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("direction", choices=["to-safetensors", "to-torch"])
    parser.add_argument("input", help="the file to read")
    parser.add_argument("output", help="the file to write")
    parser.add_argument("--names", help="a JSON list of the parameters' names in torch's order")
    arguments = parser.parse_args()

    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    try:
        names = None
        if arguments.names:
            with open(arguments.names, encoding="utf-8") as file:
                names = json.load(file)
        if arguments.direction == "to-safetensors":
            state_dict = torch.load(arguments.input, map_location="cpu", weights_only=True)
            if "param_groups" not in state_dict:
                raise ConversionError("this is not a result of optimizer.state_dict()")
            tensors, metadata = to_safetensors(state_dict, names)
            save_file(tensors, arguments.output, metadata=metadata)
        else:
            with safe_open(arguments.input, framework="pt") as file:
                tensors = {key: file.get_tensor(key) for key in file.keys()}
                metadata = file.metadata() or {}
            torch.save(to_torch(tensors, metadata, names), arguments.output)
    except (ConversionError, OSError, json.JSONDecodeError) as error:
        sys.exit(f"{arguments.input}: {error}")


if __name__ == "__main__":
    main()

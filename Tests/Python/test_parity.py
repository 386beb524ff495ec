"""The recorded trajectories of the references, replayed through the Python classes: closed loop, as the Swift tests do."""

import json
import math
import unittest

from support import REFERENCE, needs, number, numbers, ulp

import swift_adafactor

CLASSES = {
    "adafactor": "Adafactor", "adamw": "AdamW", "sgd": "SGD", "lion": "Lion", "stable_adamw": "StableAdamW", "came": "CAME",
    "schedule_free_adamw": "ScheduleFreeAdamW", "galore_adamw": "GaLoreAdamW", "galore_adafactor": "GaLoreAdafactor",
}  # fmt: skip


@needs("torch")
class Trajectories(unittest.TestCase):
    def test_all_trajectories(self):
        count = 0
        for folder, name in CLASSES.items():
            for path in sorted((REFERENCE / folder).glob("*.json")):
                with self.subTest(f"{folder}/{path.name}"):
                    self.replay(json.loads(path.read_text()), getattr(swift_adafactor, name))
                    count += 1
        self.assertGreater(count, 180)

    def replay(self, case, optimizer):
        import torch

        parameters, groups = {}, []
        for group in case["groups"]:
            members = []
            for entry in group["parameters"]:
                values = torch.tensor(numbers(entry["initial"])).reshape(entry["shape"])
                members.append((entry["name"], torch.nn.Parameter(values)))
            parameters.update(members)
            groups.append({"params": members, **group["options"]})
        start = {name: p.detach().clone() for name, p in parameters.items()}
        largest = {name: p.detach().abs().max().item() for name, p in parameters.items()}
        displacement = dict.fromkeys(parameters, 0.0)
        # The first group's options are the defaults: Adafactor checks them before it sees the groups.
        first = {key: value for key, value in groups[0].items() if key in ("lr", "relative_step", "warmup_init")}
        ours = optimizer(groups, **first)
        for name, state in case.get("initialStates", {}).items():
            ours.state[parameters[name]].update(
                {key: self.tensor(value) if isinstance(value, dict) else value for key, value in state.items()}
            )
        for index, (step, record) in enumerate(zip(case["steps"], case["record"], strict=True)):
            for change in step.get("optionChanges", []):
                ours.param_groups[change["group"]].update({k: v for k, v in change.items() if k != "group"})
            for name, p in parameters.items():
                gradient = step["gradients"][name]
                p.grad = None if gradient is None else torch.tensor(numbers(gradient)).reshape(p.shape)
            if hasattr(ours, "eval"):
                # Evaluation between steps must not change the training.
                ours.eval()
                ours.train()
            ours.step()
            for name, expected in record["parameters"].items():
                theirs = torch.tensor(numbers(expected)).reshape(parameters[name].shape)
                finite = theirs[theirs.isfinite()]
                moved = (theirs - start[name])[theirs.isfinite()]
                largest[name] = max(largest[name], finite.abs().max().item() if len(finite) else 0)
                displacement[name] = max(displacement[name], moved.abs().max().item() if len(finite) else 0)
                bound = 1e-5 * displacement[name] + (index + 1) * ulp(largest[name])
                torch.testing.assert_close(
                    parameters[name].detach(), theirs, rtol=0, atol=bound, equal_nan=True,
                    msg=lambda message: f"{name} after step {index + 1}: {message}",
                )  # fmt: skip
            for states in case["states"]:
                if states["afterStep"] == index + 1:
                    self.compare_states(ours, parameters, states["parameters"], groups)

    def compare_states(self, ours, parameters, expected, groups):
        import torch

        for name, p in parameters.items():
            if name not in expected:
                self.assertEqual(ours.state.get(p, {}), {}, f"{name} has a state, but never had a gradient")
                continue
            state = ours.state[p]
            for key, value in expected[name].items():
                if key == "step":
                    self.assertEqual(state["step"], value, name)
                elif isinstance(value, dict):
                    theirs = self.tensor(value)
                    finite = theirs[theirs.isfinite()]
                    largest = finite.abs().max().item() if len(finite) else 0
                    # In averages of both signs, what cancelled was rounded. Singular vectors, and what is projected by them,
                    # are exact relative to the largest element.
                    relative, absolute = 1e-5, 1e-6 * largest if key in ("exp_avg", "momentum_buffer", "z") else 0
                    if "rank" in ours.defaults:
                        relative, absolute = 0, 5e-6 * largest
                    self.assertEqual(state[key].dtype, torch.float32)
                    torch.testing.assert_close(
                        state[key], theirs, rtol=relative, atol=absolute, equal_nan=True,
                        msg=lambda message: f"{name}.{key}: {message}",
                    )  # fmt: skip
                elif key == "RMS" and self.scales(p, ours):
                    self.assertTrue(
                        math.isnan(number(value)) and math.isnan(state[key])
                        or abs(state[key] - number(value)) <= 1e-5 * number(value),
                        f"{name}.RMS: {state[key]}, reference {value}",
                    )

    @staticmethod
    def scales(p, ours):
        return any(group["scale_parameter"] and any(q is p for q in group["params"]) for group in ours.param_groups)

    @staticmethod
    def tensor(entry):
        import torch

        return torch.tensor(numbers(entry["data"])).reshape(entry["shape"])


@needs("torch")
class Errors(unittest.TestCase):
    def test_the_constructor_s_errors_are_the_reference_s(self):
        import torch

        for case in json.loads((REFERENCE / "adafactor-errors.json").read_text())["errors"]:
            # Without a rate, the reference fails at its first step with an error about types.
            message = case["message"] if case["raisedBy"] == "constructor" else "lr is None with relative_step=False"
            with self.assertRaises(ValueError) as caught:
                swift_adafactor.Adafactor([torch.nn.Parameter(torch.ones(2))], **case["options"])
            self.assertIn(message, str(caught.exception))


@needs("torch")
class Sixteen(unittest.TestCase):
    def test_16_bit_trajectories(self):
        import torch

        for kind in ("bfloat16", "float16"):
            for folder, optimizer in (("adafactor", swift_adafactor.Adafactor), ("adamw", swift_adafactor.AdamW)):
                case = json.loads((REFERENCE / "sixteen-bit" / folder / f"{kind}.json").read_text())
                dtype = getattr(torch, kind)
                for group in case["groups"]:
                    parameters = {
                        entry["name"]: torch.nn.Parameter(torch.tensor(numbers(entry["initial"])).reshape(entry["shape"]).to(dtype))
                        for entry in group["parameters"]
                    }
                    ours = optimizer(list(parameters.values()), **group["options"])
                    same = count = 0
                    for step, record in zip(case["steps"], case["record"]):
                        for name, p in parameters.items():
                            p.grad = torch.tensor(numbers(step["gradients"][name])).reshape(p.shape).to(dtype)
                        ours.step()
                        for name, p in parameters.items():
                            theirs = torch.tensor(numbers(record["parameters"][name])).reshape(p.shape)
                            # One unit in the last place, where a sum lies between two values.
                            distance = (p.detach().float() - theirs).abs()
                            self.assertTrue((distance <= torch.finfo(dtype).eps * theirs.abs() + 1e-30).all(), f"{kind} {name}")
                            # Every step begins with the reference's values: a difference of one value would grow.
                            p.data.copy_(theirs)
                            same += (distance == 0).sum().item()
                            count += p.numel()
                    self.assertGreater(same, 0.98 * count, f"{kind} {folder}")


if __name__ == "__main__":
    unittest.main()

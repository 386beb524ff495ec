"""The shared library by ctypes, without torch and NumPy."""

import ctypes
import math
import os
import re
import subprocess
import sys
import unittest
from unittest import mock

from support import ROOT

import swift_adafactor
from swift_adafactor import _library as library


def schedule(name, count=10, **counts):
    options = counts.pop("options", None)
    return swift_adafactor.schedule_rates(name, 10, count, options=options, **counts)


class Structs(unittest.TestCase):
    def test_structs_have_the_fields_of_the_header(self):
        header = (ROOT / "Sources/CAdafactor/adafactor.h").read_text()
        header = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
        structs = dict(
            (name, body) for body, name in re.findall(r"typedef struct \{(.*?)\} adafactor_(\w+);", header, re.DOTALL)
        )
        for name in ("error", "state", "tensor", "call", "layout"):
            fields = []
            for declaration in structs[name].split(";")[:-1]:
                declaration = re.sub(r"\[.*?\]", "", declaration)
                fields += [re.sub(r".*[\s*]", "", field.strip()) for field in declaration.split(",")]
            ours = [field for field, _ in getattr(library, name.capitalize())._fields_]
            self.assertEqual(fields, ours, name)

    def test_the_library_refuses_other_sizes(self):
        call = library.make_call("adafactor", b"{}")
        call.tensor_size += 8
        with self.assertRaisesRegex(ValueError, "sizes of the structs"):
            library.step(call, (library.Tensor * 1)(), 1)

    def test_constants_are_the_header_s(self):
        header = (ROOT / "Sources/CAdafactor/adafactor.h").read_text()
        for name, code in library.SCALAR_TYPES.items():
            self.assertIn(f"ADAFACTOR_{name.upper()} = {code}", header)
        for name, code in library.POLICIES.items():
            self.assertIn(f"ADAFACTOR_{name.upper()} = {code}", header)
        for name in ("MAX_RANK", "MAX_NUMBERS"):
            self.assertIn(f"#define ADAFACTOR_{name} {getattr(library, name)}\n", header)
        for name in ("OK", "INVALID_CALL", "UNKNOWN_NAME", "INVALID_OPTION", "INVALID_TENSOR", "INVALID_STATE", "NON_FINITE"):
            self.assertIn(f"ADAFACTOR_{name} = {getattr(library, name)}", header)


class Errors(unittest.TestCase):
    def test_errors_are_exceptions_with_the_message(self):
        with self.assertRaisesRegex(ValueError, 'no optimizer "adam"'):
            library.check_options("adam", {})
        with self.assertRaisesRegex(ValueError, "beta1 is 2.0"):
            library.check_options("adafactor", {"beta1": 2.0})
        with self.assertRaisesRegex(ValueError, "non_finite is 'never'"):
            library.make_call("adafactor", b"{}", 0, "never")
        with self.assertRaisesRegex(TypeError, "neither a number"):
            library.check_options("adafactor", {"beta1": object()})

    def test_numbers_that_are_not_finite_name_the_option(self):
        for value in (math.nan, math.inf, -math.inf):
            with self.assertRaisesRegex(ValueError, "weight_decay is"):
                library.check_options("adafactor", {"weight_decay": value})

    def test_every_class_has_an_optimizer(self):
        self.assertEqual(
            sorted(re.sub("_", "", name) for name in swift_adafactor.optimizer_names()),
            sorted(name.lower() for name in swift_adafactor._OPTIMIZERS),
        )


class Schedules(unittest.TestCase):
    """The tables that transformers' own tests assert, with their tolerance: a rate of 10, 2 of 10 steps of warmup."""

    def check(self, rates, expected):
        for index, (ours, theirs) in enumerate(zip(rates, expected, strict=True)):
            self.assertAlmostEqual(ours, theirs, delta=1e-2, msg=f"step {index} of {rates}")

    def test_tables(self):
        warmup = {"num_warmup_steps": 2, "num_training_steps": 10}
        self.check(schedule("constant"), [10.0] * 10)
        self.check(
            schedule("constant_with_warmup", num_warmup_steps=4), [0, 2.5, 5, 7.5, 10, 10, 10, 10, 10, 10]
        )
        self.check(schedule("linear", **warmup), [0, 5, 10, 8.75, 7.5, 6.25, 5, 3.75, 2.5, 1.25])
        self.check(schedule("cosine", **warmup), [0, 5, 10, 9.61, 8.53, 6.91, 5, 3.08, 1.46, 0.38])
        self.check(
            schedule("cosine_with_restarts", options={"num_cycles": 2}, **warmup),
            [0, 5, 10, 8.53, 5, 1.46, 10, 8.53, 5, 1.46],
        )
        self.check(
            schedule("polynomial", options={"power": 2.0, "lr_end": 1e-7}, **warmup),
            [0, 5, 10, 7.656, 5.625, 3.906, 2.5, 1.406, 0.625, 0.156],
        )
        self.check(
            schedule("inverse_sqrt", num_warmup_steps=2), [0, 5, 10, 8.165, 7.071, 6.325, 5.774, 5.345, 5, 4.714]
        )
        self.check(
            schedule(
                "warmup_stable_decay",
                num_warmup_steps=2,
                options={"num_stable_steps": 2, "num_decay_steps": 3, "min_lr_ratio": 0.1},
            ),
            # Since transformers 5 the warmup rises from the minimum.
            [1, 5.5, 10, 10, 10, 7.75, 3.25, 1, 1, 1],
        )

    def test_a_series_can_begin_anywhere(self):
        whole = schedule("cosine", num_warmup_steps=2, num_training_steps=10)
        part = schedule("cosine", 3, first_step=4, num_warmup_steps=2, num_training_steps=10)
        self.assertEqual(part, whole[4:7])

    def test_metrics_lower_the_rate(self):
        rates = swift_adafactor.metric_rates("reduce_lr_on_plateau", 1.0, [1, 2, 3, 4], options={"patience": 1})
        self.assertEqual(rates[:2], [1.0, 1.0])
        self.assertAlmostEqual(rates[2], 0.1)

    def test_errors_are_transformers_errors(self):
        with self.assertRaisesRegex(ValueError, "requires `num_training_steps`, please provide that argument"):
            schedule("linear", num_warmup_steps=2)
        with self.assertRaisesRegex(ValueError, "is not a valid SchedulerType"):
            schedule("slow")


class Platforms(unittest.TestCase):
    def import_with(self, **patches):
        with mock.patch.multiple(sys, **patches):
            library._open()

    def test_other_systems_get_an_import_error(self):
        with self.assertRaisesRegex(ImportError, "Linux on x86-64, and this is darwin"):
            self.import_with(platform="darwin")
        with mock.patch("platform.machine", return_value="aarch64"):
            with self.assertRaisesRegex(ImportError, "linux on aarch64"):
                library._open()

    def test_a_missing_library_is_named(self):
        with mock.patch.dict(os.environ, SWIFT_ADAFACTOR_LIBRARY="/nowhere/libadafactor.so"):
            with self.assertRaisesRegex(ImportError, "/nowhere/libadafactor.so"):
                library._open()

    def test_importing_the_package_imports_neither_torch_nor_numpy(self):
        code = "import sys, swift_adafactor; print(sorted({'torch', 'numpy'} & set(sys.modules)))"
        path = os.path.dirname(os.path.dirname(os.path.abspath(swift_adafactor.__file__)))
        output = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
        ).stdout
        self.assertEqual(output.strip(), "[]")


class Steps(unittest.TestCase):
    """A step by ctypes alone."""

    def make(self, values, gradient):
        count = len(values)
        memory = {key: (ctypes.c_float * count)(*v) for key, v in (("p", values), ("g", gradient), ("v", [0.0] * count))}
        shape = library.shape_array([count])
        states = (library.State * 1)(
            library.State(b"exp_avg_sq", ctypes.addressof(memory["v"]), shape, 1, library.SCALAR_TYPES["float32"], 0)
        )
        tensor = (library.Tensor * 1)()
        tensor[0].parameter, tensor[0].gradient = ctypes.addressof(memory["p"]), ctypes.addressof(memory["g"])
        tensor[0].shape, tensor[0].rank, tensor[0].states, tensor[0].state_count = shape, 1, states, 1
        tensor[0].gradient_scale = 1.0
        return memory, tensor, (shape, states)

    def test_a_first_step_moves_by_the_rate(self):
        memory, tensor, _ = self.make([1.0, -2.0, 3.0], [0.5, -0.25, 2.0])
        options = library.encoded({"lr": 0.125, "relative_step": False, "scale_parameter": False})
        library.step(library.make_call("adafactor", options), tensor, 1)
        # At the first step v is the square of the gradient, and the update its sign.
        for ours, expected in zip(memory["p"], [0.875, -1.875, 2.875]):
            self.assertAlmostEqual(ours, expected, delta=1e-6)
        self.assertEqual((tensor[0].step, tensor[0].has_state, tensor[0].outcome), (1, 1, library.STEPPED))

    def test_a_child_of_a_fork_can_step(self):
        count = 1 << 18
        memory, tensor, _ = self.make([0.0] * count, [1.0] * count)
        call = library.make_call("adafactor", library.encoded({}))
        # Starts the threads, which the child does not have.
        library.step(call, tensor, 1)
        child = os.fork()
        if child == 0:
            try:
                library.step(call, tensor, 1)
                os._exit(0 if tensor[0].step == 2 and memory["p"][count - 1] < 0 else 1)
            finally:
                os._exit(2)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)

    def test_the_baseline_kernels_give_the_same_bits(self):
        results = []
        for uses_baseline in (False, True):
            memory, tensor, _ = self.make([1.0, -2.0, 3.0], [0.5, -0.25, 2.0])
            call = library.make_call("adafactor", b"{}", uses_baseline=uses_baseline)
            for _ in range(3):
                library.step(call, tensor, 1)
            results.append(bytes(memory["p"]))
        self.assertEqual(*results)


if __name__ == "__main__":
    unittest.main()

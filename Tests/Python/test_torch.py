"""The optimizers as subclasses of `torch.optim.Optimizer`."""

import ast
import copy
import gc
import importlib.util
import inspect
import io
import os
import pathlib
import pickle
import unittest
import weakref

from support import needs

import swift_adafactor

if importlib.util.find_spec("torch"):
    import torch

    ALL = [getattr(swift_adafactor, name) for name in swift_adafactor._OPTIMIZERS]


def parameters(*shapes, dtype=None, seed=0):
    """Parameters with gradients."""
    generator = torch.Generator().manual_seed(seed)
    result = [torch.nn.Parameter(torch.randn(shape, generator=generator).to(dtype or torch.float32)) for shape in shapes]
    set_gradients(result, seed + 1)
    return result


def set_gradients(tensors, seed):
    generator = torch.Generator().manual_seed(seed)
    for p in tensors:
        p.grad = torch.randn(p.shape, generator=generator).to(p.dtype).to(p.device)


def copies(tensors):
    result = [torch.nn.Parameter(p.detach().clone()) for p in tensors]
    for new, old in zip(result, tensors):
        new.grad = None if old.grad is None else old.grad.clone()
    return result


def train(optimizer, tensors, steps, seed=100):
    for step in range(steps):
        set_gradients(tensors, seed + step)
        optimizer.step()


def values(tensors):
    return [p.detach().clone() for p in tensors]


class TestCase(unittest.TestCase):
    def assert_same(self, left, right, message=None):
        for a, b in zip(left, right, strict=True):
            self.assertTrue(torch.equal(a.detach(), b.detach()), message)

    def assert_close(self, left, right, tolerance):
        for a, b in zip(left, right, strict=True):
            torch.testing.assert_close(a.detach(), b.detach(), rtol=0, atol=tolerance)


SHAPES = ((6, 5), (7,), (), (2, 3, 4))


@needs("torch")
class Steps(TestCase):
    def test_a_closure_computes_gradients_and_its_loss_is_returned(self):
        w = torch.nn.Parameter(torch.ones(3, 4))
        optimizer = swift_adafactor.Adafactor([w])

        def closure():
            optimizer.zero_grad()
            loss = (w**2).sum()
            loss.backward()
            return loss

        with torch.no_grad():
            loss = optimizer.step(closure)
        self.assertEqual(loss.item(), 12)
        self.assertIsNone(optimizer.step())

    def test_parameters_without_gradients_are_unchanged(self):
        a, b, c = parameters((3, 4), (5,), (2, 2))
        b.grad = None
        before = b.detach().clone()
        optimizer = swift_adafactor.Adafactor([a, b, c])
        optimizer.step()
        self.assertTrue(torch.equal(b, before))
        self.assertNotIn(b, optimizer.state)
        # A gradient that comes later, and one that goes.
        b.grad, a.grad = torch.ones(5), None
        optimizer.step()
        self.assertEqual([optimizer.state[p]["step"] for p in (a, b, c)], [1, 1, 2])
        c.grad = b.grad = None
        optimizer.step()
        self.assertEqual([optimizer.state[p]["step"] for p in (a, b, c)], [1, 1, 2])

    def test_sparse_gradients_are_refused_with_nothing_changed(self):
        for first in (True, False):
            a, b = parameters((3, 4), (5, 2))
            optimizer = swift_adafactor.Adafactor([a, b])
            if not first:
                optimizer.step()
            before, steps = values([a, b]), len(optimizer.state[a])
            b.grad = torch.sparse_coo_tensor([[1], [0]], [1.0], (5, 2), check_invariants=True)
            with self.assertRaisesRegex(RuntimeError, "^Adafactor does not support sparse gradients.$"):
                optimizer.step()
            self.assert_same([a, b], before)
            self.assertEqual(len(optimizer.state[a]), steps)

    def test_version_counters_count_steps(self):
        w = torch.nn.Parameter(torch.ones(3))
        loss = (w * w).sum()
        w.grad = torch.ones(3)
        optimizer = swift_adafactor.Adafactor([w])
        for version in (1, 2, 3):
            optimizer.step()
            self.assertEqual(w._version, version)
        with self.assertRaisesRegex(RuntimeError, "modified by an inplace operation"):
            loss.backward()

    def test_strided_and_channels_last_tensors(self):
        plain = parameters((6, 5), (4, 3, 2, 2), (8,))
        strided = copies(plain)
        strided[0].data = strided[0].detach().t().contiguous().t()
        strided[1].data = strided[1].detach().to(memory_format=torch.channels_last)
        strided[2].data = torch.stack([strided[2].detach()] * 2, dim=1)[:, 0]
        for p in strided:
            self.assertFalse(p.is_contiguous())
        ours, theirs = swift_adafactor.Adafactor(strided), swift_adafactor.Adafactor(plain)
        for seed in range(3):
            set_gradients(plain, seed)
            for p, q in zip(strided, plain):
                p.grad = torch.empty_like(p).copy_(q.grad)
            ours.step()
            theirs.step()
        self.assert_same(strided, plain)
        self.assertTrue(strided[1].is_contiguous(memory_format=torch.channels_last))

    def test_gradients_of_other_strides(self):
        plain = parameters((6, 5))
        expanded = copies(plain)
        ours, theirs = swift_adafactor.Adafactor(expanded), swift_adafactor.Adafactor(plain)
        for value in (0.5, -2.0):
            expanded[0].grad = torch.tensor(value).expand(6, 5)
            plain[0].grad = torch.full((6, 5), value)
            ours.step()
            theirs.step()
        self.assert_same(expanded, plain)

    def follow_changes(self, change):
        """Compares steps with one change between them with steps without it, which must not matter."""
        changed, plain = parameters(*SHAPES), parameters(*SHAPES)
        ours, theirs = swift_adafactor.Adafactor(changed, beta1=0.9), swift_adafactor.Adafactor(plain, beta1=0.9)
        kept = []
        for step in range(4):
            for optimizer, tensors in ((ours, changed), (theirs, plain)):
                set_gradients(tensors, step)
                if optimizer is ours:
                    kept.append(change(ours, changed, step))
                optimizer.step()
        self.assert_same(changed, plain)

    def test_parameters_that_move(self):
        def change(_, tensors, step):
            old = [p.data for p in tensors]
            for p in tensors:
                p.data = p.data.clone()
            return old

        self.follow_changes(change)

    def test_gradients_that_move(self):
        def change(_, tensors, step):
            old = [p.grad for p in tensors]
            for p in tensors:
                p.grad = p.grad.clone()
            for gradient in old:
                gradient.zero_()
            return old

        self.follow_changes(change)

    def test_moments_that_are_replaced(self):
        def change(optimizer, tensors, step):
            old = [dict(optimizer.state[p]) for p in tensors]
            for p in tensors:
                for key, value in optimizer.state[p].items():
                    if isinstance(value, torch.Tensor):
                        optimizer.state[p][key] = value.clone()
                        value.fill_(7)
            return old

        self.follow_changes(change)

    def test_moments_that_move(self):
        def change(optimizer, tensors, step):
            old = []
            for p in tensors:
                for value in optimizer.state[p].values():
                    if isinstance(value, torch.Tensor):
                        old.append(value.data)
                        value.data = value.data.clone()
                        old[-1].fill_(7)
            return old

        self.follow_changes(change)

    def test_gradients_that_change_their_type(self):
        changed, plain = parameters(*SHAPES), parameters(*SHAPES)
        ours, theirs = swift_adafactor.Adafactor(changed), swift_adafactor.Adafactor(plain)
        for step, dtype in enumerate((torch.bfloat16, torch.float16, torch.float32, torch.bfloat16, torch.float16)):
            set_gradients(plain, step)
            for p, q in zip(changed, plain):
                # Eighths are exact in all of these types.
                q.grad = (q.grad * 8).round() / 8
                p.grad_dtype = None
                p.grad = q.grad.to(dtype)
            ours.step()
            theirs.step()
        self.assert_same(changed, plain)

    def test_a_state_that_is_changed_in_place_or_discarded(self):
        (w,) = parameters((3, 4))
        optimizer = swift_adafactor.Adafactor([w])
        optimizer.step()
        optimizer.step()
        optimizer.state[w].clear()
        optimizer.step()
        self.assertEqual(optimizer.state[w]["step"], 1)
        optimizer.state[w]["step"] = 41
        optimizer.step()
        self.assertEqual(optimizer.state[w]["step"], 42)

    def test_types_of_parameters_and_gradients(self):
        for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
            tensors = parameters(*SHAPES, dtype=dtype)
            optimizer = swift_adafactor.Adafactor(tensors)
            before = values(tensors)
            optimizer.step()
            for p, old in zip(tensors, before):
                self.assertTrue((p != old).any())
                for value in optimizer.state[p].values():
                    if isinstance(value, torch.Tensor):
                        self.assertEqual(value.dtype, torch.float64 if dtype == torch.float64 else torch.float32)
        with self.assertRaisesRegex(TypeError, "torch.int64: it must be one of torch.float32"):
            swift_adafactor.Adafactor([torch.zeros(3, dtype=torch.int64)])
        with self.assertRaisesRegex(TypeError, "complex64"):
            swift_adafactor.Adafactor([torch.zeros(3, dtype=torch.complex64, requires_grad=True)])

    def test_tensors_without_elements(self):
        w = torch.nn.Parameter(torch.ones(0, 3))
        w.grad = torch.ones(0, 3)
        optimizer = swift_adafactor.Adafactor([w])
        optimizer.step()
        optimizer.step()
        self.assertEqual(optimizer.state[w]["step"], 2)

    def test_trusted_versions_change_no_bit(self):
        trusting, plain = parameters(*SHAPES), parameters(*SHAPES)
        ours = swift_adafactor.Adafactor(trusting, trusts_versions=True)
        theirs = swift_adafactor.Adafactor(plain)
        for step in range(6):
            for optimizer, tensors in ((ours, trusting), (theirs, plain)):
                set_gradients(tensors, step)
                if step == 3:
                    # A write that torch counts.
                    with torch.no_grad():
                        tensors[0].mul_(2)
                optimizer.step()
        self.assert_same(trusting, plain)
        # Sums from before versions were trusted are not used.
        for optimizer, tensors in ((ours, trusting), (theirs, plain)):
            optimizer.param_groups[0]["trusts_versions"] = False
            set_gradients(tensors, 7)
            optimizer.step()
            tensors[1].data.mul_(4)
            optimizer.param_groups[0]["trusts_versions"] = optimizer is ours
            optimizer.step()
        self.assert_same(trusting, plain)
        # A write that torch does not count is not seen, as the documentation says: the sums are really used.
        for optimizer, tensors in ((ours, trusting), (theirs, plain)):
            tensors[0].data.mul_(4)
            set_gradients(tensors, 9)
            optimizer.step()
        self.assertFalse(torch.equal(trusting[0], plain[0]))
        self.assertTrue(torch.equal(trusting[1], plain[1]))

    def test_threads_do_not_change_results(self):
        one, four = parameters((300, 200), (5000,)), parameters((300, 200), (5000,))
        train(swift_adafactor.Adafactor(one, threads=1), one, 3)
        train(swift_adafactor.Adafactor(four, threads=4), four, 3)
        self.assert_same(one, four)

    def test_every_optimizer_lowers_a_loss(self):
        for optimizer in ALL:
            torch.manual_seed(3)
            w = torch.nn.Parameter(torch.randn(8, 6))
            target = torch.randn(8, 6)
            ours = optimizer([w], **({} if "relative_step" in optimizer.__init__.__code__.co_varnames else {"lr": 1e-2}))
            losses = []
            for _ in range(60):
                ours.zero_grad()
                loss = ((w - target) ** 2).sum()
                loss.backward()
                ours.step()
                losses.append(loss.item())
            self.assertLess(losses[-1], 0.95 * losses[0], optimizer.__name__)

    def test_defaults_are_the_library_s(self):
        from swift_adafactor import _library as library

        for optimizer in ALL:
            (p,) = parameters((8, 6))
            ours = optimizer([p])
            layout = library.state_layout(ours._optimizer, library.encoded(ours._settings(ours.param_groups[0])), 0, (8, 6))
            options = {"rank": None} if "rank" in ours.defaults else {}
            self.assertEqual(layout, library.state_layout(ours._optimizer, library.encoded(options), 0, (8, 6)))
            q = p.detach().clone()
            state = swift_adafactor.initial_state(q.numpy(), ours._optimizer, **options)
            for seed in range(4):
                set_gradients([p], seed)
                swift_adafactor.step(q.numpy(), p.grad.numpy(), state, ours._optimizer, name="0.0", **options)
                ours.step()
            self.assertTrue(torch.equal(p.detach(), q), optimizer.__name__)

    test_defaults_are_the_library_s = needs("numpy")(test_defaults_are_the_library_s)

    def test_a_child_of_a_fork_can_step(self):
        tensors = parameters((300, 200))
        optimizer = swift_adafactor.Adafactor(tensors, threads=4)
        optimizer.step()
        child = os.fork()
        if child == 0:
            try:
                optimizer.step()
                os._exit(0 if optimizer.state[tensors[0]]["step"] == 2 else 1)
            finally:
                os._exit(2)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)


@needs("torch")
class Groups(TestCase):
    def test_named_parameters_and_groups(self):
        model = torch.nn.Linear(3, 4)
        optimizer = swift_adafactor.Adafactor(model.named_parameters())
        self.assertEqual(optimizer.param_groups[0]["param_names"], ["weight", "bias"])
        set_gradients(model.parameters(), 1)
        optimizer.step()

    def test_errors_name_the_parameter(self):
        (w,) = parameters((3, 4))
        optimizer = swift_adafactor.Adafactor([("encoder.w", w)], non_finite="throw_error")
        w.grad[1, 1] = float("nan")
        with self.assertRaisesRegex(FloatingPointError, 'update of "encoder.w" is not finite'):
            optimizer.step()

    def test_groups_have_options_of_their_own(self):
        a, b = parameters((3, 4), (3, 4))
        b.data, b.grad = a.detach().clone(), a.grad.clone()
        optimizer = swift_adafactor.Adafactor(
            [{"params": [a]}, {"params": [b], "lr": 0.0}], lr=0.1, relative_step=False
        )
        before = b.detach().clone()
        optimizer.step()
        self.assertTrue(torch.equal(b, before))
        self.assertFalse(torch.equal(a, before))

    def test_add_param_group(self):
        a, b = parameters((3, 4), (5,))
        optimizer = swift_adafactor.Adafactor([a])
        optimizer.step()
        optimizer.add_param_group({"params": [b], "clip_threshold": 0.5})
        optimizer.step()
        self.assertEqual(optimizer.state[b]["step"], 1)
        with self.assertRaisesRegex(ValueError, "some parameters appear in more than one parameter group"):
            optimizer.add_param_group({"params": [a]})

    def test_a_group_that_is_refused_is_not_added(self):
        a, b = parameters((3, 4), (5,))
        optimizer = swift_adafactor.Adafactor([a])
        for options, message in (
            ({"beta1": 1.5}, "beta1 is 1.5"),
            ({"lr": 0.1}, "Cannot combine manual `lr`"),
            ({"rounding": "down"}, "rounding"),
            ({"threads": 0}, "threads is 0"),
            ({"non_finite": "never"}, "non_finite is 'never'"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                optimizer.add_param_group({"params": [b], **options})
            self.assertEqual(len(optimizer.param_groups), 1)

    def test_unknown_arguments_are_refused(self):
        for name in ("foreach", "fused", "capturable", "momentum"):
            with self.assertRaisesRegex(TypeError, f"Adafactor.__init__\\(\\) got an unexpected keyword argument '{name}'"):
                swift_adafactor.Adafactor(parameters((2,)), **{name: True})

    def test_options_changed_between_steps(self):
        a = parameters(*SHAPES)
        optimizer = swift_adafactor.Adafactor(a)
        optimizer.step()
        optimizer.param_groups[0]["beta1"] = 0.9
        optimizer.step()
        self.assertTrue(all("exp_avg" in optimizer.state[p] for p in a))
        first = optimizer.state[a[0]]["exp_avg"].clone()
        optimizer.step()
        self.assertFalse(torch.equal(optimizer.state[a[0]]["exp_avg"], first))
        optimizer.param_groups[0]["beta1"] = None
        optimizer.step()
        optimizer.param_groups[0]["weight_decay"] = float("nan")
        with self.assertRaisesRegex(ValueError, "weight_decay is nan"):
            optimizer.step()

    def test_a_rate_may_be_a_tensor(self):
        a, b = parameters((3, 4)), parameters((3, 4))
        swift_adafactor.AdamW(a, lr=torch.tensor(0.125)).step()
        swift_adafactor.AdamW(b, lr=0.125).step()
        self.assert_same(a, b)


@needs("torch")
class States(TestCase):
    def test_a_loaded_state_continues_with_the_same_bits(self):
        for optimizer in ALL:
            shapes = ((6, 5), (4, 8)) if optimizer.__name__ == "Muon" else SHAPES
            whole, resumed = parameters(*shapes), parameters(*shapes)
            ours = optimizer(whole)
            train(ours, whole, 6)
            first = optimizer(resumed)
            train(first, resumed, 3)
            file = io.BytesIO()
            torch.save(first.state_dict(), file)
            file.seek(0)
            second = optimizer(resumed)
            second.load_state_dict(torch.load(file))
            train(second, resumed, 3, seed=103)
            self.assert_same(whole, resumed, optimizer.__name__)

    def test_16_bit_parameters_keep_their_state_in_float32(self):
        for dtype in (torch.bfloat16, torch.float16):
            for rounding in ("nearest", "stochastic", "compensated"):
                for optimizer in (swift_adafactor.Adafactor, swift_adafactor.AdamW):
                    whole, resumed = (parameters(*SHAPES, dtype=dtype) for _ in range(2))
                    options = {"rounding": rounding, "rounding_seed": 3}
                    ours, first = optimizer(whole, **options), optimizer(resumed, **options)
                    train(ours, whole, 6)
                    train(first, resumed, 3)
                    second = optimizer(resumed, **options)
                    second.load_state_dict(copy.deepcopy(first.state_dict()))
                    for p in resumed:
                        for key, value in second.state[p].items():
                            if isinstance(value, torch.Tensor):
                                self.assertEqual(value.dtype, dtype if key == "residual" else torch.float32)
                    train(second, resumed, 3, seed=103)
                    self.assert_same(whole, resumed, f"{optimizer.__name__} {dtype} {rounding}")

    def test_hooks_of_load_state_dict_are_respected(self):
        (w,) = parameters((3, 4), dtype=torch.bfloat16)
        optimizer = swift_adafactor.Adafactor([w])
        optimizer.step()
        saved = copy.deepcopy(optimizer.state_dict())

        def double(_, state):
            state = copy.deepcopy(state)
            state["state"][0]["exp_avg_sq_row"] *= 2
            return state

        optimizer.register_load_state_dict_pre_hook(double)
        optimizer.load_state_dict(saved)
        self.assertTrue(torch.equal(optimizer.state[w]["exp_avg_sq_row"], 2 * saved["state"][0]["exp_avg_sq_row"]))

    def test_states_that_do_not_fit_are_refused(self):
        (w,) = parameters((3, 4))
        optimizer = swift_adafactor.Adafactor([w])
        optimizer.step()
        optimizer.state[w]["exp_avg_sq_row"] = torch.zeros(4)
        with self.assertRaisesRegex(ValueError, r"row moments"):
            optimizer.step()
        del optimizer.state[w]["exp_avg_sq_row"]
        with self.assertRaisesRegex(ValueError, "lacks exp_avg_sq_row: it needs a float32 tensor of the shape"):
            optimizer.step()
        del optimizer.state[w]["step"]
        with self.assertRaisesRegex(ValueError, "lacks step"):
            optimizer.step()

    def test_pickle_and_deepcopy(self):
        for copied in (lambda o: pickle.loads(pickle.dumps(o)), copy.deepcopy):
            tensors = parameters(*SHAPES)
            optimizer = swift_adafactor.Adafactor(tensors, beta1=0.9, rounding="stochastic")
            train(optimizer, tensors, 2)
            other = copied(optimizer)
            self.assertEqual(other.param_groups[0]["rounding"], "stochastic")
            others = other.param_groups[0]["params"]
            train(optimizer, tensors, 3)
            self.assertEqual(other.state[others[0]]["step"], 2)
            train(other, others, 3)
            self.assert_same(tensors, others)

    def test_weak_references_and_nothing_kept(self):
        tensors = parameters(*SHAPES)
        optimizer = swift_adafactor.Adafactor(tensors)
        optimizer.step()
        reference, tensor = weakref.ref(optimizer), weakref.ref(tensors[0])
        del optimizer, tensors
        gc.collect()
        self.assertIsNone(reference())
        self.assertIsNone(tensor())

    def test_a_state_of_torch_s_adamw_and_back(self):
        ours, theirs = parameters(*SHAPES), parameters(*SHAPES)
        a, b = swift_adafactor.AdamW(ours, amsgrad=True), torch.optim.AdamW(theirs, amsgrad=True)
        for round_ in range(3):
            train(a, ours, 2, 10 * round_)
            train(b, theirs, 2, 10 * round_)
            # Each continues with the other's state.
            first, second = copy.deepcopy(a.state_dict()), copy.deepcopy(b.state_dict())
            a = swift_adafactor.AdamW(ours, amsgrad=True)
            b = torch.optim.AdamW(theirs, amsgrad=True)
            a.load_state_dict(second)
            b.load_state_dict(first)
        self.assert_close(ours, theirs, 2e-6)

    def test_a_state_of_torch_s_sgd(self):
        ours, theirs = parameters(*SHAPES), parameters(*SHAPES)
        options = dict(lr=0.1, momentum=0.9, dampening=0.5)
        b = torch.optim.SGD(theirs, **options)
        train(b, theirs, 2)
        for p, q in zip(ours, theirs):
            p.data.copy_(q.detach())
        a = swift_adafactor.SGD(ours, **options)
        a.load_state_dict(copy.deepcopy(b.state_dict()))
        train(a, ours, 2)
        train(b, theirs, 2)
        self.assert_close(ours, theirs, 2e-6)


@needs("torch")
class Policies(TestCase):
    def test_policies(self):
        for policy in ("propagate", "skip_parameter", "skip_step", "throw_error"):
            a, b = parameters((3, 4), (5,))
            b.grad[2] = float("inf")
            before = values([a, b])
            optimizer = swift_adafactor.Adafactor([a, b], non_finite=policy)
            if policy == "throw_error":
                with self.assertRaises(FloatingPointError):
                    optimizer.step()
            else:
                optimizer.step()
            self.assertEqual(torch.equal(a, before[0]), policy in ("skip_step", "throw_error"), policy)
            self.assertEqual(torch.equal(b, before[1]), policy != "propagate", policy)
            self.assertEqual([bool(optimizer.state[p]) for p in (a, b)], [not torch.equal(a, before[0]), policy == "propagate"])
            self.assertEqual(b._version, 1 if policy == "propagate" else 0)
            set_gradients([a, b], 9)
            optimizer.step()
            self.assertEqual(optimizer.state[a]["step"], 1 if policy in ("skip_step", "throw_error") else 2)


@needs("torch")
class Integration(TestCase):
    def test_torch_s_schedulers(self):
        s = torch.optim.lr_scheduler
        schedulers = [
            lambda o: s.LambdaLR(o, lambda step: 0.9**step),
            lambda o: s.MultiplicativeLR(o, lambda step: 0.9),
            lambda o: s.StepLR(o, 2),
            lambda o: s.MultiStepLR(o, [2, 4]),
            lambda o: s.ConstantLR(o),
            lambda o: s.LinearLR(o),
            lambda o: s.ExponentialLR(o, 0.9),
            lambda o: s.PolynomialLR(o),
            lambda o: s.CosineAnnealingLR(o, 5),
            lambda o: s.CosineAnnealingWarmRestarts(o, 3),
            lambda o: s.OneCycleLR(o, 0.1, total_steps=8, cycle_momentum=False),
            lambda o: s.CyclicLR(o, 0.01, 0.1, cycle_momentum=False),
            lambda o: s.SequentialLR(o, [s.ConstantLR(o), s.ExponentialLR(o, 0.9)], [2]),
            lambda o: s.ChainedScheduler([s.ConstantLR(o), s.ExponentialLR(o, 0.9)]),
            lambda o: s.ReduceLROnPlateau(o, patience=0),
            lambda o: torch.optim.swa_utils.SWALR(o, 0.01, anneal_epochs=3),
        ]
        for make in schedulers:
            ours, theirs = parameters((4, 3)), parameters((4, 3))
            a, b = swift_adafactor.AdamW(ours, lr=0.1), torch.optim.AdamW(theirs, lr=0.1)
            for optimizer, tensors in ((a, ours), (b, theirs)):
                scheduler = make(optimizer)
                for step in range(6):
                    train(optimizer, tensors, 1, step)
                    plateau = isinstance(scheduler, s.ReduceLROnPlateau)
                    scheduler.step(*((1.0,) if plateau else ()))
            self.assertEqual(a.param_groups[0]["lr"], b.param_groups[0]["lr"])
            self.assert_close(ours, theirs, 2e-6)

    def test_gradscaler(self):
        tensors = parameters((3, 4))
        optimizer = swift_adafactor.Adafactor(tensors)
        scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
        before = values(tensors)
        scaler.scale((tensors[0] * float("inf")).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        self.assert_same(tensors, before)
        self.assertEqual(scaler.get_scale(), 4)
        optimizer.zero_grad()
        scaler.scale((tensors[0] ** 2).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        plain = [torch.nn.Parameter(before[0].clone())]
        other = swift_adafactor.Adafactor(plain)
        (plain[0] ** 2).sum().backward()
        other.step()
        self.assert_same(tensors, plain)

    def test_steps_in_hooks_of_parameters(self):
        models = [torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3)) for _ in range(2)]
        models[1].load_state_dict(models[0].state_dict())
        optimizers = {p: swift_adafactor.Adafactor([p]) for p in models[0].parameters()}

        def hook(p):
            optimizers[p].step()
            optimizers[p].zero_grad()

        for p in models[0].parameters():
            p.register_post_accumulate_grad_hook(hook)
        whole = swift_adafactor.Adafactor(models[1].parameters())
        torch.manual_seed(1)
        for _ in range(4):
            x = torch.randn(5, 8)
            models[0](x).square().sum().backward()
            whole.zero_grad()
            models[1](x).square().sum().backward()
            whole.step()
        self.assertTrue(all(p.grad is None for p in models[0].parameters()))
        self.assert_same(models[0].parameters(), models[1].parameters())

    def test_step_hooks_are_called(self):
        (w,) = parameters((3, 4))
        optimizer = swift_adafactor.Adafactor([w])
        calls = []
        optimizer.register_step_pre_hook(lambda *_: calls.append("before"))
        optimizer.register_step_post_hook(lambda *_: calls.append("after"))
        optimizer.step()
        self.assertEqual(calls, ["before", "after"])

    def test_a_compiled_loop_can_step(self):
        (w,) = parameters((3, 4))
        optimizer = swift_adafactor.Adafactor([w])
        expected = parameters((3, 4))
        swift_adafactor.Adafactor(expected).step()
        torch.compile(lambda: optimizer.step(), backend="eager")()
        self.assert_same([w], expected)

    def test_help_reads_well(self):
        for optimizer in ALL:
            self.assertIn("Args:", optimizer.__doc__)
            self.assertIn("Raises:", optimizer.__doc__)
            self.assertTrue(optimizer.step.__doc__ and optimizer.add_param_group.__doc__)

    def test_the_stubs_have_the_signatures(self):
        stub = pathlib.Path(swift_adafactor.__file__).with_name("__init__.pyi").read_text()
        classes = {node.name: node for node in ast.parse(stub).body if isinstance(node, ast.ClassDef)}
        for optimizer in ALL:
            (init,) = (node for node in classes[optimizer.__name__].body if node.name == "__init__")
            plain, keywords = init.args.args, init.args.kwonlyargs
            defaults = [ast.literal_eval(node) for node in init.args.defaults + init.args.kw_defaults]
            stubbed = list(zip([argument.arg for argument in [*plain[2:], *keywords]], defaults, strict=True))
            ours = [
                (name, parameter.default)
                for name, parameter in inspect.signature(optimizer.__init__).parameters.items()
                if parameter.default is not parameter.empty
            ]
            from swift_adafactor import _optimizer

            self.assertEqual(stubbed, ours + list(_optimizer.EXTRAS.items()), optimizer.__name__)

    def test_distributed_tensors_are_refused(self):
        class Distributed(torch.Tensor):
            def to_local(self):
                return self

        w = torch.ones(3, 4).as_subclass(Distributed).requires_grad_()
        w.grad = torch.ones(3, 4)
        with self.assertRaisesRegex(ValueError, "does not step a DTensor"):
            swift_adafactor.Adafactor([w]).step()


@needs("torch")
class OtherDevices(TestCase):
    """The rules in torch's operations, which tensors on other devices take, run here on the CPU."""

    def follow(self, optimizer, rule, dtype=None, **options):
        from swift_adafactor._device_rules import RULES

        here, there = parameters(*SHAPES, dtype=dtype), parameters(*SHAPES, dtype=dtype)
        ours, theirs = optimizer(here, **options), optimizer(there, **options)
        for seed in range(5):
            set_gradients(here, seed)
            set_gradients(there, seed)
            ours.step()
            with torch.no_grad():
                for p in there:
                    RULES[rule](p, p.grad, theirs.state[p], theirs.param_groups[0])
        return here, there, ours, theirs

    def test_adafactor(self):
        for options in (
            {}, {"beta1": 0.9, "weight_decay": 0.1}, {"warmup_init": True},
            {"lr": 0.01, "relative_step": False, "scale_parameter": False, "clip_threshold": 0.5},
        ):  # fmt: skip
            here, there, ours, theirs = self.follow(swift_adafactor.Adafactor, "adafactor", **options)
            self.assert_close(here, there, 2e-6)
            for p, q in zip(here, there):
                for key, value in theirs.state[q].items():
                    if isinstance(value, torch.Tensor) and key != "RMS":
                        torch.testing.assert_close(ours.state[p][key], value, rtol=1e-5, atol=1e-7)

    def test_adamw(self):
        for options in ({}, {"amsgrad": True, "maximize": True}, {"correct_bias": False}):
            here, there, *_ = self.follow(swift_adafactor.AdamW, "adamw", **options)
            self.assert_close(here, there, 2e-6)

    def test_16_bit_states_are_float32(self):
        here, there, _, theirs = self.follow(swift_adafactor.Adafactor, "adafactor", dtype=torch.bfloat16)
        self.assertEqual(theirs.state[there[0]]["exp_avg_sq_row"].dtype, torch.float32)
        for p, q in zip(here, there):
            torch.testing.assert_close(p, q, rtol=2**-7, atol=0)

    def test_tensor_subclasses_take_torch_s_operations(self):
        class Subclass(torch.Tensor):
            pass

        plain = parameters((3, 4))
        w = plain[0].detach().clone().as_subclass(Subclass).requires_grad_()
        w.grad = plain[0].grad.clone()
        swift_adafactor.Adafactor([w]).step()
        swift_adafactor.Adafactor(plain).step()
        self.assert_close([w.detach().as_subclass(torch.Tensor)], plain, 1e-6)


if __name__ == "__main__":
    unittest.main()

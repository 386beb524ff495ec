"""transformers, accelerate and torchao as clients."""

import copy
import importlib.util
import tempfile
import unittest

from support import needs

import swift_adafactor

if importlib.util.find_spec("torch"):
    import torch
if importlib.util.find_spec("transformers"):
    import transformers
    from transformers import optimization


@needs("torch", "transformers")
class Convergence(unittest.TestCase):
    """transformers' own two convergence tests, with their data, steps and tolerance."""

    def converge(self, make, steps):
        w = torch.tensor([0.1, -0.2, -0.1], requires_grad=True)
        target = torch.tensor([0.4, 0.2, -0.5])
        optimizer = make([w])
        for _ in range(steps):
            torch.nn.functional.mse_loss(w, target).backward()
            optimizer.step()
            w.grad.detach_().zero_()
        torch.testing.assert_close(w.detach(), target, rtol=0, atol=1e-2)

    def test_adafactor(self):
        self.converge(
            lambda params: swift_adafactor.Adafactor(
                params, lr=1e-2, eps=(1e-30, 1e-3), clip_threshold=1.0, decay_rate=-0.8, beta1=None, weight_decay=0.0,
                relative_step=False, scale_parameter=False, warmup_init=False,
            ),
            1000,
        )  # fmt: skip

    def test_adamw(self):
        self.converge(lambda params: swift_adafactor.AdamW(params, lr=2e-1, weight_decay=0.0), 100)


@needs("torch", "transformers")
class Schedules(unittest.TestCase):
    cases = {
        "constant": {}, "constant_with_warmup": {"num_warmup_steps": 4},
        "linear": {"num_warmup_steps": 2, "num_training_steps": 10},
        "cosine": {"num_warmup_steps": 2, "num_training_steps": 10},
        "cosine_with_restarts": {"num_warmup_steps": 2, "num_training_steps": 10, "options": {"num_cycles": 2}},
        "polynomial": {"num_warmup_steps": 2, "num_training_steps": 10, "options": {"power": 2.0, "lr_end": 1e-7}},
        "inverse_sqrt": {"num_warmup_steps": 2},
        "cosine_with_min_lr": {"num_warmup_steps": 2, "num_training_steps": 10, "options": {"min_lr": 0.5}},
        "cosine_warmup_with_min_lr": {"num_warmup_steps": 2, "num_training_steps": 10, "options": {"min_lr": 0.5}},
        "warmup_stable_decay": {"num_warmup_steps": 2, "num_training_steps": 10,
                                "options": {"num_stable_steps": 2, "num_decay_steps": 3, "min_lr_ratio": 0.1}},
    }  # fmt: skip

    def test_transformers_schedulers_drive_ours_and_agree_with_schedule_rates(self):
        for name, counts in self.cases.items():
            w = torch.nn.Parameter(torch.ones(3))
            optimizer = swift_adafactor.AdamW([w], lr=10.0)
            arguments = {key: value for key, value in counts.items() if key != "options"}
            scheduler = transformers.get_scheduler(
                name, optimizer, scheduler_specific_kwargs=counts.get("options"), **arguments
            )
            expected = swift_adafactor.schedule_rates(name, 10.0, 10, **counts)
            for step, rate in enumerate(expected):
                self.assertAlmostEqual(optimizer.param_groups[0]["lr"], rate, places=9, msg=f"{name} at step {step}")
                w.grad = torch.ones(3)
                optimizer.step()
                scheduler.step()

    def test_schedulers_that_follow_a_metric(self):
        metrics = [1.0, 0.9, 0.9, 0.9, 0.95, 0.95, 0.5, 0.4, 0.3, 0.2]
        for name, options in (
            ("reduce_lr_on_plateau", {"patience": 1, "factor": 0.5}),
            ("greedy", {"patience": 1, "factor": 0.9, "min_lr": 0.01, "max_lr": 2.0}),
        ):
            w = torch.nn.Parameter(torch.ones(3))
            optimizer = swift_adafactor.AdamW([w], lr=1.0)
            scheduler = transformers.get_scheduler(name, optimizer, scheduler_specific_kwargs=options)
            rates = []
            for metric in metrics:
                w.grad = torch.ones(3)
                optimizer.step()
                scheduler.step(metric)
                rates.append(optimizer.param_groups[0]["lr"])
            self.assertLess(min(rates), 1)
            for ours, theirs in zip(swift_adafactor.metric_rates(name, 1.0, metrics, options=options), rates, strict=True):
                self.assertAlmostEqual(ours, theirs, places=12, msg=name)

    def test_adafactor_schedule(self):
        ours, theirs = (torch.nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4)) for _ in range(2))
        rates = []
        for w, make in ((ours, swift_adafactor.Adafactor), (theirs, transformers.Adafactor)):
            optimizer = make([w], lr=None, warmup_init=True)
            scheduler = optimization.AdafactorSchedule(optimizer, initial_lr=0.5)
            reported = [scheduler.get_lr()[0]]
            for step in range(4):
                w.grad = torch.full((3, 4), 0.1 * (step + 1))
                optimizer.step()
                scheduler.step()
                reported.append(float(scheduler.get_lr()[0]))
                reported.append(float(optimizer.param_groups[0]["lr"]))
            rates.append(reported)
        for a, b in zip(*rates):
            self.assertAlmostEqual(a, b, delta=1e-6 * b)


@needs("torch", "transformers")
class StatesOfTransformers(unittest.TestCase):
    def train(self, optimizer, tensors, seed, steps=3):
        generator = torch.Generator().manual_seed(seed)
        for _ in range(steps):
            for p in tensors:
                p.grad = torch.randn(p.shape, generator=generator).to(p.dtype)
            optimizer.step()

    def test_states_are_exchanged_in_the_middle_of_a_training(self):
        for options in ({}, {"beta1": 0.9, "weight_decay": 0.01}, {"lr": 1e-3, "relative_step": False}):
            generator = torch.Generator().manual_seed(0)
            start = [torch.randn(shape, generator=generator) for shape in ((6, 5), (7,), (2, 3, 4))]
            ours, theirs = ([torch.nn.Parameter(p.clone()) for p in start] for _ in range(2))
            a, b = swift_adafactor.Adafactor(ours, **options), transformers.Adafactor(theirs, **options)
            for round_ in range(3):
                self.train(a, ours, round_)
                self.train(b, theirs, round_)
                first, second = copy.deepcopy(a.state_dict()), copy.deepcopy(b.state_dict())
                a, b = swift_adafactor.Adafactor(ours, **options), transformers.Adafactor(theirs, **options)
                a.load_state_dict(second)
                b.load_state_dict(first)
            for p, q in zip(ours, theirs):
                torch.testing.assert_close(p, q, rtol=0, atol=2e-6)
                self.assertEqual(a.state[p].keys(), b.state[q].keys())

    def test_the_reference_loses_the_state_of_16_bit_parameters_and_ours_does_not(self):
        changes = {}
        for make in (swift_adafactor.Adafactor, transformers.Adafactor):
            w = torch.nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4).bfloat16())
            optimizer = make([w])
            self.train(optimizer, [w], 1)
            before = optimizer.state[w]["exp_avg_sq_row"].float().clone()
            again = make([w])
            again.load_state_dict(optimizer.state_dict())
            changes[make] = (again.state[w]["exp_avg_sq_row"].float() - before).abs().max().item()
        self.assertEqual(changes[swift_adafactor.Adafactor], 0)
        # Or the reference has learned it, and the documentation must be changed.
        self.assertGreater(changes[transformers.Adafactor], 0)


@needs("torch", "transformers", "accelerate")
class Accelerate(unittest.TestCase):
    def test_a_prepared_optimizer_steps_as_a_bare_one(self):
        from accelerate import Accelerator

        torch.manual_seed(0)
        model = torch.nn.Linear(4, 3)
        twin = copy.deepcopy(model)
        accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
        optimizer = swift_adafactor.Adafactor(model.parameters(), rounding="stochastic")
        scheduler = torch.optim.lr_scheduler.LambdaLR(swift_adafactor.AdamW(twin.parameters()), lambda _: 1)
        model, optimizer, scheduler = accelerator.prepare(model, optimizer, scheduler)
        bare = swift_adafactor.Adafactor(twin.parameters(), rounding="stochastic")
        for step in range(6):
            x = torch.randn(5, 4)
            with accelerator.accumulate(model):
                accelerator.backward(model(x).square().mean())
                optimizer.step()
                optimizer.zero_grad()
            (twin(x).square().mean() / 2).backward()
            if step % 2:
                bare.step()
                bare.zero_grad()
        for p, q in zip(model.parameters(), twin.parameters()):
            torch.testing.assert_close(p, q, rtol=0, atol=1e-6)
        accelerator.free_memory()


def tiny_t5():
    config = transformers.T5Config(
        vocab_size=60, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, dropout_rate=0.0,
        decoder_start_token_id=0,
    )  # fmt: skip
    return transformers.T5ForConditionalGeneration(config), {}


def tiny_gpt2():
    config = transformers.GPT2Config(
        vocab_size=60, n_positions=16, n_embd=32, n_layer=2, n_head=4, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config), {}


@needs("torch", "transformers", "accelerate")
class Trainers(unittest.TestCase):
    steps = 50

    def train(self, make_model, optimizers=None, classes=None, **arguments):
        torch.manual_seed(0)
        model, _ = make_model()
        generator = torch.Generator().manual_seed(1)
        texts = torch.randint(1, 60, (64, 12), generator=generator)
        data = [{"input_ids": text, "labels": text} for text in texts]
        losses = []

        class Losses(transformers.TrainerCallback):
            def on_log(self, args, state, control, logs=None, **rest):
                if "loss" in logs:
                    losses.append(logs["loss"])

        with tempfile.TemporaryDirectory() as folder:
            trainer = transformers.Trainer(
                model=model,
                args=transformers.TrainingArguments(
                    output_dir=folder, max_steps=self.steps, per_device_train_batch_size=8, logging_steps=1,
                    report_to=[], save_strategy="no", use_cpu=True, disable_tqdm=True, seed=0, max_grad_norm=0.0,
                    learning_rate=1e-3, **arguments,
                ),
                train_dataset=data,
                optimizers=(None, None) if optimizers is None else optimizers(model),
                optimizer_cls_and_kwargs=classes,
                callbacks=[Losses()],
            )  # fmt: skip
            trainer.remove_callback(transformers.PrinterCallback)
            trainer.train()
        return losses

    def setUp(self):
        self.threads = torch.get_num_threads()
        torch.set_num_threads(1)

    def tearDown(self):
        torch.set_num_threads(self.threads)

    def compare(self, ours, theirs):
        self.assertEqual(len(ours), self.steps)
        self.assertLess(theirs[-1], theirs[0] - 0.05)
        for step, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            self.assertAlmostEqual(a, b, delta=1e-4, msg=f"step {step + 1}")

    def test_t5_and_gpt2_with_the_trainer_s_adafactor(self):
        options = dict(lr=1e-3, scale_parameter=False, relative_step=False)
        for make_model in (tiny_t5, tiny_gpt2):
            ours = self.train(make_model, classes=(swift_adafactor.Adafactor, options))
            theirs = self.train(make_model, optim="adafactor")
            self.compare(ours, theirs)

    def test_relative_steps_with_adafactor_schedule(self):
        def optimizers(kind):
            def make(model):
                optimizer = kind(model.parameters(), scale_parameter=True, relative_step=True, warmup_init=False, lr=None)
                return optimizer, optimization.AdafactorSchedule(optimizer)

            return make

        ours = self.train(tiny_gpt2, optimizers(swift_adafactor.Adafactor))
        theirs = self.train(tiny_gpt2, optimizers(transformers.Adafactor))
        self.compare(ours, theirs)

    def test_adamw(self):
        ours = self.train(tiny_gpt2, classes=(swift_adafactor.AdamW, dict(lr=1e-3, weight_decay=0.0)))
        theirs = self.train(tiny_gpt2, optim="adamw_torch")
        self.compare(ours, theirs)

    def test_schedule_free_switches_modes(self):
        losses = self.train(tiny_gpt2, classes=(swift_adafactor.ScheduleFreeAdamW, dict(lr=1e-2)))
        self.assertLess(losses[-1], losses[0] - 0.05)


if __name__ == "__main__":
    unittest.main()

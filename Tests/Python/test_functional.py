"""The step on arrays of NumPy, JAX and others."""

import importlib.util
import unittest

from support import needs

import swift_adafactor

if importlib.util.find_spec("numpy"):
    import numpy


def oracle(p, g, state, step, rate):
    """Adafactor with a constant rate and no scaling, in Double."""
    beta = 1 - step**-0.8
    squares = g.astype(float) ** 2 + 1e-30
    state["r"] = beta * state.get("r", 0) + (1 - beta) * squares.mean(-1)
    state["c"] = beta * state.get("c", 0) + (1 - beta) * squares.mean(-2)
    u = g / numpy.sqrt((state["r"] / state["r"].mean(-1, keepdims=True))[..., None] * state["c"][..., None, :])
    return p - rate * u / max(1, numpy.sqrt((u**2).mean()))


@needs("numpy")
class NumPySteps(unittest.TestCase):
    options = {"lr": 0.01, "relative_step": False, "scale_parameter": False}

    def setUp(self):
        self.random = numpy.random.default_rng(7)

    def test_steps_as_the_formula_says(self):
        for dtype, tolerance in ((numpy.float32, 1e-6), (numpy.float64, 1e-14)):
            for shape in ((5, 7), (2, 3, 4)):
                p = self.random.standard_normal(shape).astype(dtype)
                state, expected, moments = swift_adafactor.initial_state(p, **self.options), p.astype(float), {}
                for step in range(1, 6):
                    g = self.random.standard_normal(shape).astype(dtype)
                    self.assertTrue(swift_adafactor.step(p, g, state, **self.options))
                    expected = oracle(expected, g, moments, step, 0.01)
                    self.assertEqual(state["step"], step)
                numpy.testing.assert_allclose(p, expected, rtol=0, atol=5 * tolerance)
                numpy.testing.assert_allclose(state["exp_avg_sq_row"], moments["r"], rtol=10 * tolerance)

    def test_a_list_of_arrays_is_stepped_as_each_of_them(self):
        values = [self.random.standard_normal(shape).astype(numpy.float32) for shape in ((3, 4), (5,), ())]
        gradients = [self.random.standard_normal(v.shape).astype(numpy.float32) for v in values]
        together, alone = [v.copy() for v in values], [v.copy() for v in values]
        states = [swift_adafactor.initial_state(v) for v in together]
        self.assertEqual(swift_adafactor.step(together, gradients, states), [True] * 3)
        for p, g in zip(alone, gradients):
            swift_adafactor.step(p, g, swift_adafactor.initial_state(p))
        for a, b, v in zip(together, alone, values):
            numpy.testing.assert_array_equal(a, b)
            self.assertFalse((a == v).any())

    def test_every_optimizer_steps(self):
        for name in swift_adafactor.optimizer_names():
            p = numpy.ones((4, 3), numpy.float32)
            g = self.random.standard_normal((4, 3)).astype(numpy.float32)
            state = swift_adafactor.initial_state(p, name)
            for _ in range(2):
                swift_adafactor.step(p, g, state, name)
            self.assertFalse((p == 1).all(), name)
            self.assertTrue(numpy.isfinite(p).all(), name)

    def test_half_precision_keeps_its_state_in_float32(self):
        p = numpy.ones((4, 3), numpy.float16)
        state = swift_adafactor.initial_state(p, rounding="compensated")
        self.assertEqual(state["exp_avg_sq_row"].dtype, numpy.float32)
        self.assertEqual(state["residual"].dtype, numpy.float16)
        swift_adafactor.step(p, numpy.ones((4, 3), numpy.float16), state, rounding="compensated")
        self.assertTrue((p < 1).all())

    def test_refuses_what_does_not_fit(self):
        p, g = numpy.zeros((3, 4), numpy.float32), numpy.zeros((3, 4), numpy.float32)
        state = swift_adafactor.initial_state(p)
        with self.assertRaisesRegex(ValueError, r"gradient of w has the shape \[3\]"):
            swift_adafactor.step(p, g[:, 0].copy(), state, name="w")
        with self.assertRaisesRegex(ValueError, "strides"):
            swift_adafactor.step(p.T, g.T, state)
        with self.assertRaisesRegex(TypeError, "<i8"):
            swift_adafactor.step(p, g.astype(numpy.int64), state)
        with self.assertRaisesRegex(TypeError, "is a list: it must be an array"):
            swift_adafactor.step(p, [[1.0]], state)
        p.flags.writeable = False
        with self.assertRaisesRegex(ValueError, "cannot be written"):
            swift_adafactor.step(p, g, state)
        p.flags.writeable = True
        with self.assertRaisesRegex(ValueError, "There are 1 parameters, 2 gradients"):
            swift_adafactor.step([p], [g, g], [state])
        del state["exp_avg_sq_row"]
        with self.assertRaisesRegex(ValueError, "lacks exp_avg_sq_row"):
            swift_adafactor.step(p, g, state)
        with self.assertRaisesRegex(ValueError, "no option \"beta\""):
            swift_adafactor.initial_state(p, beta=0.9)

    def test_policies(self):
        p, g = numpy.ones((3, 4), numpy.float32), numpy.full((3, 4), numpy.nan, numpy.float32)
        state = swift_adafactor.initial_state(p)
        self.assertFalse(swift_adafactor.step(p, g, state, non_finite="skip_parameter"))
        with self.assertRaisesRegex(FloatingPointError, 'update of "w" is not finite'):
            swift_adafactor.step(p, g, state, name="w", non_finite="throw_error")
        self.assertTrue((p == 1).all())
        self.assertFalse(state["has_state"])
        swift_adafactor.step(p, g, state)
        self.assertTrue(numpy.isnan(p).all())


@needs("numpy", "jax")
class JAXSteps(unittest.TestCase):
    def test_gradients_of_jax_are_read_in_place(self):
        import jax
        import jax.numpy as jnp

        x = jnp.arange(12.0).reshape(3, 4) / 10

        def loss(w):
            return ((w - x) ** 2).sum()

        w = numpy.zeros((3, 4), numpy.float32)
        state = swift_adafactor.initial_state(w)
        first = loss(jnp.asarray(w))
        for _ in range(20):
            swift_adafactor.step(w, jax.grad(loss)(jnp.array(w)), state, scale_parameter=False)
        self.assertLess(loss(jnp.asarray(w)), 0.75 * first)

    def test_arrays_of_jax_cannot_be_parameters(self):
        import jax.numpy as jnp

        w = jnp.zeros((3, 4))
        with self.assertRaisesRegex(ValueError, "cannot be written"):
            swift_adafactor.step(w, w, swift_adafactor.initial_state(w))

    def test_bfloat16(self):
        import ml_dtypes

        w = numpy.ones((4, 3), ml_dtypes.bfloat16)
        state = swift_adafactor.initial_state(w, rounding="compensated")
        self.assertEqual(state["residual"].dtype, ml_dtypes.bfloat16)
        for _ in range(4):
            swift_adafactor.step(w, numpy.ones((4, 3), ml_dtypes.bfloat16), state, rounding="compensated")
        self.assertTrue((w.astype(numpy.float32) < 1).all())


if __name__ == "__main__":
    unittest.main()

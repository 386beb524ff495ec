"""Measures the optimizers of this package beside those of other libraries: scripts/benchmark runs it."""

"""Compares the optimizers of this package with other libraries': scripts/benchmark runs it."""

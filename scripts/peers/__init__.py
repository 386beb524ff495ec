"""Compares the optimizers of this package with those of other libraries: scripts/benchmark runs it."""

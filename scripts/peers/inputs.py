"""Generates the numbers of Benchmarks/Sources/Workloads/Noise.swift with the same bits."""

import math

import numpy as np

PERIOD = 1_000_003
STREAM_DISTANCE = 40_503


def _table():
    mix = np.arange(PERIOD, dtype=np.uint32) * np.uint32(2_654_435_761)
    mix = (mix ^ (mix >> 16)) * np.uint32(0x85EBCA6B)
    mix = (mix ^ (mix >> 13)) * np.uint32(0xC2B2AE35)
    mix ^= mix >> 16
    return (mix >> 8).astype(np.float32) * np.float32(2**-23) - np.float32(1)


_TABLE = _table()


def noise(shape, stream):
    """Returns an array of this shape with numbers between −1 and 1. Streams start at different positions of the table."""
    count = math.prod(shape)
    start = stream * STREAM_DISTANCE % PERIOD
    values = np.empty(count, np.float32)
    place, done = start, 0
    while done < count:
        piece = _TABLE[place : place + count - done]
        values[done : done + len(piece)] = piece
        done += len(piece)
        place = 0
    return values.reshape(shape)


def parameters(shapes):
    return [noise(shape, 2 * index) for index, shape in enumerate(shapes)]


def gradients(shapes):
    return [noise(shape, 2 * index + 1) for index, shape in enumerate(shapes)]

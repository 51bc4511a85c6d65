"""Time bins and population rates."""

from __future__ import annotations

import math

import numpy as np

from snnrun.plot.options import Options
from snnrun.plot.quantities import round_step
from snnrun.results.layout import FloatArray

_BINS = (20, 100)
_SPIKES_PER_BIN = 8
_MOST_BINS = 100_000


def time_edges(span: tuple[float, float], options: Options, dt: float, spikes: int) -> FloatArray:
    """Edges of time bins over a span: the width or number asked for, or as many of a round width as spikes allow.

    Args:
        span: First and last edge. [s]
        options: The plot's options.
        dt: Step of the spikes' clock. [s]
        spikes: How many spikes there are.
    """
    start, stop = span
    length = stop - start
    if options.bins is not None:
        return np.linspace(start, stop, options.bins + 1)
    width = options.bin or max(round_step(length / np.clip(spikes / _SPIKES_PER_BIN, *_BINS)), dt)
    # Bins are whole steps, or spikes of the grid would fall unevenly into them.
    width = max(round(width / dt), 1) * dt
    width = max(width, length / _MOST_BINS)
    count = max(math.ceil(length / width - 1e-9), 1)
    return np.asarray(np.minimum(start + np.arange(count + 1) * width, stop), np.float64)


def population_rate(times_s: FloatArray, edges_s: FloatArray, size: int, dt: float) -> FloatArray:
    """Spikes per neuron and second in each bin, shape (bins,). [Hz]."""
    # Half a step earlier, so that a spike on an edge falls right of it whatever the rounding.
    counts = np.histogram(times_s, bins=edges_s - dt / 2)[0].astype(np.float64)
    return np.asarray(counts / (np.diff(edges_s) * max(size, 1)), np.float64)

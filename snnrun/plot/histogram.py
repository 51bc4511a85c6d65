"""Time bins and population rates."""

from __future__ import annotations

import math

import numpy as np

from snnrun.plot.observed import seconds_in
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
    if options.bins is not None:  # each of whole steps, so that counts over the length are rates
        return np.asarray(start + np.unique(np.rint(np.linspace(0, length / dt, options.bins + 1))) * dt, np.float64)
    width = options.bin or max(round_step(length / np.clip(spikes / _SPIKES_PER_BIN, *_BINS)), dt)
    # Bins are whole steps, or spikes of the grid would fall unevenly into them.
    width = max(round(width / dt), 1) * dt
    width = max(width, length / _MOST_BINS)
    count = max(math.ceil(length / width - 1e-9), 1)
    return np.asarray(np.minimum(start + np.arange(count + 1) * width, stop), np.float64)


def population_rate(times_s: FloatArray, edges_s: FloatArray, size: int, dt: float, observed: FloatArray) -> FloatArray:
    """Spikes per neuron and second of observed time in each bin, shape (bins,); NaN where nothing was observed. [Hz].

    Args:
        times_s: Time of each spike. [s]
        edges_s: Edges of the bins. [s]
        size: Number of neurons.
        dt: Step of the spikes' clock. [s]
        observed: From when to when spikes were recorded, shape (stretches, 2). [s]
    """
    # Half a step earlier, so that a spike on an edge falls right of it whatever the rounding.
    counts = np.histogram(times_s, bins=edges_s - dt / 2)[0].astype(np.float64)
    return divided(counts, seconds_in(edges_s, observed), size, dt)


def divided(counts: FloatArray, seconds: FloatArray, size: int, dt: float) -> FloatArray:
    """Spikes per neuron and observed second, shape (bins,); NaN where less than half a step was observed. [Hz]."""
    return np.divide(counts, seconds * max(size, 1), out=np.full_like(counts, np.nan), where=seconds > dt / 2)


def smoothed(values: FloatArray, bin: float, width: float) -> FloatArray:
    """A rate smoothed by a Gaussian; bins that are NaN stay NaN and do not count for the others, shape (bins,).

    Args:
        values: The rate in each bin, shape (bins,). [Hz]
        bin: Width of a bin. [s]
        width: Standard deviation of the Gaussian. [s]
    """
    reach = min(math.ceil(4 * width / bin), max(len(values) - 1, 0))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) * bin / width) ** 2)
    there = np.isfinite(values)
    middle = slice(reach, reach + len(values))
    total = np.convolve(np.where(there, values, 0.0), weights)[middle]
    share = np.convolve(there.astype(np.float64), weights)[middle]
    return np.divide(total, share, out=np.full_like(values, np.nan), where=there)

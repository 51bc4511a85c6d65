"""Ranges: synapses of one source onto targets that follow one another, in memory too (`codegen/continuous.py`)."""

from __future__ import annotations

import numpy as np

from snnrun.codegen.arguments import ArrayUse
from snnrun.engine.allocation import Allocation
from snnrun.engine.values import Array
from snnrun.model.network import IntArray

LONG = 16  # synapses, on average, from which on it pays to work on ranges


def make_ranges(allocation: Allocation, path: str, rows: IntArray) -> None:
    """Divide what all synapses do in a step among threads: into ranges where they are long, else into single synapses.

    Args:
        allocation: Where the synapses are.
        path: Of the synapses.
        rows: As for `ranges_of`.
    """
    firsts = allocation.arrays[ArrayUse.BOUNDS.of(path)]
    ranges = ranges_of(rows, allocation.arrays[ArrayUse.POST.of(path)], firsts)
    none = np.zeros_like(firsts)
    long = firsts[-1] >= LONG * (len(ranges) - 1)
    allocation.put(ArrayUse.RANGES.of(path), ranges if long else none)
    allocation.share(f"{path}.ranges", np.searchsorted(ranges, firsts) if long else none)
    allocation.share(f"{path}.scattered", none if long else firsts)


def ranges_of(rows: IntArray, post: Array, firsts: IntArray) -> IntArray:
    """Where ranges of synapses begin. All of one are of one thread.

    Args:
        rows: Where the synapses of each source begin, shape (parts, sources + 1).
        post: Target of each synapse, shape (m,).
        firsts: First synapse of each thread, and the end of the last, shape (threads + 1,).

    Returns:
        First synapse of each range, and the end of the last, shape (ranges + 1,).
    """
    begins = np.ones(len(post) + 1, bool)
    begins[1:-1] = np.diff(post.astype(np.int32)) != 1
    begins[rows] = begins[firsts] = True
    return np.flatnonzero(begins).astype(np.int64)

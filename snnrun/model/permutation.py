"""Random permutations: drawn whole, before a run only."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from snnrun.kernels.threefry import threefry
from snnrun.model.network import IntArray


def permuted(size: Any, k: Any, step: int, seed: int, stream: int) -> Any:
    """Elements of a random permutation; NaN for elements that it does not have.

    Args:
        size: Of the permutation; as an array, the same everywhere.
        k: Which elements, shape (n,).
        step: The step.
        seed: The seed of the use.
        stream: The key of the stream.

    Returns:
        The elements as float64, shape (n,).
    """
    order = permutation(int(np.max(size)), int(step), seed, stream)
    inside = (k >= 0) & (k < len(order))
    return np.where(inside, order[np.where(inside, k, 0).astype(np.int64)], np.nan)[()]


@lru_cache(maxsize=4)  # connect rules ask for one block of pairs after the other
def permutation(size: int, step: int, seed: int, stream: int) -> IntArray:
    """The numbers 0 to size - 1 in random order, each order with the same probability; int64, shape (size,).

    They are sorted by one random word each.
    """
    with np.errstate(all="ignore"):
        words, _ = threefry(np.arange(size, dtype=np.int64), step, seed, stream)
    return np.argsort(words, kind="stable")

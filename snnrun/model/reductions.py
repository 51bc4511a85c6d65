"""What many numbers make together, computed as kernels do: one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def total(values: NDArray[Any]) -> Any:
    """The sum of numbers, added one after the other; shape (n,)."""
    return np.add.accumulate(np.concatenate([np.zeros(1, values.dtype), values]))[-1]


def totals(values: NDArray[Any], ends: NDArray[Any], asked: Any) -> Any:
    """The sums over those with the same end, at the ends that are asked for.

    Args:
        values: Of each synapse, in the order in which they are added, shape (n,).
        ends: Its neuron, shape (n,).
        asked: Neurons, shape (m,) or a number.
    """
    found = np.zeros(int(max(np.max(ends, initial=0), np.max(asked, initial=0))) + 1, values.dtype)
    np.add.at(found, ends, values)
    return found[asked]


def extreme(function: str, values: NDArray[Any], index: NDArray[Any] | None = None) -> Any:
    """The largest or smallest of some numbers, or the index of the first that is; NaN is beyond all others.

    Args:
        function: `max`, `min`, `argmax` or `argmin`.
        values: The numbers, shape (n,) with n > 0.
        index: What is given where an index is asked for, shape (n,).
    """
    k = int(np.argmax(values) if function.endswith("max") else np.argmin(values))
    return values[k] if index is None else index[k]

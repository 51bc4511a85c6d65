"""Binomial random numbers by inversion: the table of thresholds that `count_below` searches."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

_NEGLIGIBLE = 2.0**-53


def binomial_table(n: int, p: float) -> NDArray[np.float64]:
    """The distribution function of a binomial number, cut off where the remaining probability is below 2**-53.

    It is computed by IEEE arithmetic in a fixed order, so its bits are the same on every machine.

    Args:
        n: Number of trials, not negative.
        p: Probability of success, in [0, 1].

    Returns:
        Entry j is P(X <= j), a number in [0, 1]; ascending; shape (size,) with size <= n. For a uniform u in [0, 1)
        the number of entries <= u is binomial.

    Raises:
        ValueError: For a negative n or a p outside [0, 1].
    """
    if n < 0 or not 0.0 <= p <= 1.0:
        raise ValueError(f"no binomial distribution with n = {n} and p = {p}")
    if n == 0 or p == 0.0:
        return np.zeros(0)
    if p == 1.0:
        return np.zeros(n)
    first, weights = _weights(n, p)
    below = list(accumulate(weights))
    above = list(accumulate(reversed(weights)))
    total = below[-1]
    kept = [
        b / total for b, left in zip(below, reversed([0.0, *above[:-1]]), strict=True) if left / total >= _NEGLIGIBLE
    ]
    return np.array([0.0] * first + kept)


def _weights(n: int, p: float) -> tuple[int, list[float]]:
    """The first count whose probability is not negligible, and the probabilities from it on, relative to the mode's."""
    odds = p / (1.0 - p)
    mode = min(int((n + 1) * p), n)
    up = [1.0]
    for k in range(mode, n):
        up.append(up[-1] * ((n - k) / (k + 1) * odds))
        if up[-1] < 1e-25:
            break
    down = [1.0]
    for k in range(mode, 0, -1):
        down.append(down[-1] * (k / (n - k + 1) / odds))
        if down[-1] < 1e-25:
            break
    return mode - (len(down) - 1), down[:0:-1] + up

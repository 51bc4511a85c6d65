"""Rates of Poisson processes that no step can have."""

from __future__ import annotations

import numpy as np

ROUNDING = 1e-6  # a rate may be so much above 1/dt, relative to it


def is_impossible(chance: object) -> object:
    """Whether probabilities of a spike in a step are none: negative, above one, or NaN."""
    values = np.asarray(chance)
    return ~((values >= 0.0) & (values <= 1.0 + ROUNDING))


def advice(rate: float, *, trains: bool) -> str:
    """What can be done about a rate that no step can have.

    Args:
        rate: The rate, or its probability in a step.
        trains: Whether it is that of each train of an input.
    """
    if np.isnan(rate):
        return "a rate is a number: keep away from 0/0, and from roots and logarithms of negative numbers"
    if rate < 0:
        return "a rate is 0 or more: limit it from below (`clip`), or check the sign"
    return f"{'spread it over more trains (`size`)' if trains else 'limit the rate (`clip`)'}, or make `dt` smaller"

"""Functions of equations applied to plain numbers: constants get the same bits as in a kernel."""

from __future__ import annotations

import numpy as np

from snnrun.kernels import functions, primitives

NAMES = {"abs": "absolute", "min": "minimum", "max": "maximum", "round": "rint"}
"""Functions that have another name here than in equations."""


def apply(name: str, args: tuple[float, ...]) -> float:
    """The value of a function of equations; inf or nan without a warning where it overflows or is undefined.

    Args:
        name: Its name in equations.
        args: Its arguments, in SI units.
    """
    function = primitives.sqrt if name == "sqrt" else getattr(functions, NAMES.get(name, name))
    with np.errstate(all="ignore"):
        return float(function(*map(np.float64, args)))

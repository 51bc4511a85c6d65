"""Functions of equations applied to plain numbers: constants get the same bits as in a kernel."""

from __future__ import annotations

import numpy as np

from snnrun.kernels import functions

NAMES = {"abs": "absolute"}


def apply(name: str, args: tuple[float, ...]) -> float:
    """The value of a function of equations; inf or nan without a warning where it overflows or is undefined.

    Args:
        name: Its name in equations.
        args: Its arguments, in SI units.
    """
    if name == "sqrt":
        with np.errstate(all="ignore"):
            return float(np.sqrt(np.float64(args[0])))
    with np.errstate(all="ignore"):
        return float(getattr(functions, NAMES.get(name, name))(*(np.float64(a) for a in args)))

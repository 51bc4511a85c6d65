"""Functions of the language applied to plain numbers: constants get the bits a kernel would compute."""

from __future__ import annotations

import numpy as np

from snnrun.kernels import functions

NAMES = {"abs": "absolute"}


def apply(name: str, args: tuple[float, ...]) -> float:
    """The value of a function of the language, silently inf or nan where it overflows.

    Args:
        name: As an expression calls it.
        args: Its arguments, in SI units.
    """
    if name == "sqrt":
        with np.errstate(all="ignore"):
            return float(np.sqrt(np.float64(args[0])))
    with np.errstate(all="ignore"):
        return float(getattr(functions, NAMES.get(name, name))(*(np.float64(a) for a in args)))

"""The numerical functions for numpy: whole arrays at once, silent on overflow, the bits of compiled kernels.

Names are those of `functions`; `uniforms`, `normals` and `poissons` draw for many elements.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snnrun.numerics import functions, primitives, random
from snnrun.numerics.primitives import Numbers


def _silent(function: Callable[..., Numbers]) -> Callable[..., Numbers]:
    """The function on float64 numbers or arrays, without warnings of overflow or undefined results."""

    @wraps(function)
    def evaluate(*args: ArrayLike) -> Numbers:
        values = [np.asarray(arg, np.float64)[()] for arg in args]
        with np.errstate(all="ignore"):
            return function(*values)

    return evaluate


absolute = _silent(functions.absolute)
arccos = _silent(functions.arccos)
arcsin = _silent(functions.arcsin)
arctan = _silent(functions.arctan)
ceil = _silent(functions.ceil)
clip = _silent(functions.clip)
cos = _silent(functions.cos)
cosh = _silent(functions.cosh)
exp = _silent(functions.exp)
expm1 = _silent(functions.expm1)
exprel = _silent(functions.exprel)
floor = _silent(functions.floor)
floordiv = _silent(functions.floordiv)
fmod_python = _silent(functions.fmod_python)
log = _silent(functions.log)
log10 = _silent(functions.log10)
log1p = _silent(functions.log1p)
pow = _silent(functions.pow)
sign = _silent(functions.sign)
sin = _silent(functions.sin)
sinh = _silent(functions.sinh)
sqrt = _silent(primitives.sqrt)
tan = _silent(functions.tan)
tanh = _silent(functions.tanh)
timestep = _silent(functions.timestep)


def uniforms(elements: int | NDArray[np.int64], step: int, seed: int, stream: int) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1).

    Args:
        elements: Which elements, or how many from 0; shape (n,).
        step: The step (first free counter).
        seed: The seed of the run.
        stream: The key of the stream, see `stream_key`.

    Returns:
        One number per element; shape (n,).
    """
    with np.errstate(all="ignore"):
        return np.asarray(random.uniform(indices(elements), step, seed, stream))


def normals(elements: int | NDArray[np.int64], step: int, seed: int, stream: int) -> NDArray[np.float64]:
    """Standard normal numbers; arguments and shape as for `uniforms`."""
    with np.errstate(all="ignore"):
        return np.asarray(random.normal(indices(elements), step, seed, stream))


def poissons(
    lam: ArrayLike, elements: int | NDArray[np.int64], step: int, seed: int, stream: int
) -> NDArray[np.float64]:
    """Poisson numbers with mean `lam` (a number, or an array of shape (n,)); the rest as for `uniforms`."""
    k = indices(elements)
    mean = np.broadcast_to(np.asarray(lam, np.float64), k.shape)
    with np.errstate(all="ignore"):
        return np.asarray(random.poisson(mean, k, step, seed, stream))


def indices(elements: int | NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of elements: those given, or so many from 0."""
    return np.arange(elements) if isinstance(elements, int) else np.asarray(elements, np.int64)

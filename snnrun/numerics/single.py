"""The numerical functions for numpy in single precision: what `arrays` is for float64, the bits of compiled kernels."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snnrun.numerics import primitives, single_functions, single_random
from snnrun.numerics.arrays import indices
from snnrun.numerics.primitives import Numbers


def _silent(function: Callable[..., Numbers]) -> Callable[..., Numbers]:
    """The function on numbers or arrays as float32, without warnings of overflow or undefined results."""

    @wraps(function)
    def evaluate(*args: ArrayLike) -> Numbers:
        with np.errstate(all="ignore"):
            return function(*(np.asarray(arg, np.float32)[()] for arg in args))

    return evaluate


absolute = _silent(single_functions.absolute)
arccos = _silent(single_functions.arccos)
arcsin = _silent(single_functions.arcsin)
arctan = _silent(single_functions.arctan)
ceil = _silent(single_functions.ceil)
clip = _silent(single_functions.clip)
cos = _silent(single_functions.cos)
cosh = _silent(single_functions.cosh)
exp = _silent(single_functions.exp)
expm1 = _silent(single_functions.expm1)
exprel = _silent(single_functions.exprel)
floor = _silent(single_functions.floor)
floordiv = _silent(single_functions.floordiv)
fmod_python = _silent(single_functions.fmod_python)
log = _silent(single_functions.log)
log10 = _silent(single_functions.log10)
log1p = _silent(single_functions.log1p)
pow = _silent(single_functions.pow)
sign = _silent(single_functions.sign)
sin = _silent(single_functions.sin)
sinh = _silent(single_functions.sinh)
sqrt = _silent(primitives.sqrt)
tan = _silent(single_functions.tan)
tanh = _silent(single_functions.tanh)


def timestep(t: ArrayLike, dt: ArrayLike) -> Numbers:
    """The number of whole steps in times, which are float64 in either precision; float32."""
    with np.errstate(all="ignore"):
        return single_functions.timestep(np.asarray(t, np.float64)[()], np.asarray(dt, np.float64)[()])


def uniforms(elements: int | NDArray[np.int64], step: int, seed: int, stream: int) -> NDArray[np.float32]:
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
        return np.asarray(single_random.uniform(indices(elements), step, seed, stream))


def normals(elements: int | NDArray[np.int64], step: int, seed: int, stream: int) -> NDArray[np.float32]:
    """Standard normal numbers; arguments and shape as for `uniforms`."""
    with np.errstate(all="ignore"):
        return np.asarray(single_random.normal(indices(elements), step, seed, stream))


def poissons(
    lam: ArrayLike, elements: int | NDArray[np.int64], step: int, seed: int, stream: int
) -> NDArray[np.float32]:
    """Poisson numbers with mean `lam` (a number, or an array of shape (n,)); the rest as for `uniforms`."""
    k = indices(elements)
    mean = np.broadcast_to(np.asarray(lam, np.float64), k.shape)
    with np.errstate(all="ignore"):
        return np.asarray(single_random.poisson(mean, k, step, seed, stream))

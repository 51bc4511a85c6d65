"""The numerical functions for numpy: whole arrays at once, silent on overflow, the bits of compiled kernels.

Names are those of `functions`; `uniforms`, `normals` and `poissons` draw for many elements.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snnrun.kernels import functions, primitives, random
from snnrun.kernels.primitives import Numbers


def silent(function: Callable[..., Numbers], kind: type[np.floating[Any]] = np.float64) -> Callable[..., Numbers]:
    """The function on numbers or arrays of a kind, without warnings of overflow or undefined results."""

    @wraps(function)
    def evaluate(*args: ArrayLike) -> Numbers:
        values = [np.asarray(arg, kind)[()] for arg in args]
        with np.errstate(all="ignore"):
            return function(*values)

    return evaluate


def drawn(draw: Callable[..., Numbers]) -> Callable[[int | NDArray[np.int64], int, int, int], NDArray[Any]]:
    """The number of one element as a function for many.

    Its arguments: which elements, or how many from 0 (shape (n,)); the step (first free counter); the seed of the run;
    the key of the stream, see `stream_key`. It gives one number an element; shape (n,).
    """

    def numbers(elements: int | NDArray[np.int64], step: int, seed: int, stream: int) -> NDArray[Any]:
        with np.errstate(all="ignore"):
            return np.asarray(draw(indices(elements), step, seed, stream))

    return numbers


def drawn_with_means(
    draw: Callable[..., Numbers],
) -> Callable[[ArrayLike, int | NDArray[np.int64], int, int, int], NDArray[Any]]:
    """What `drawn` is, of numbers with means: a number, or an array of shape (n,), before the other arguments."""

    def numbers(means: ArrayLike, elements: int | NDArray[np.int64], step: int, seed: int, stream: int) -> NDArray[Any]:
        k = indices(elements)
        each = np.broadcast_to(np.asarray(means, np.float64), k.shape)
        return drawn(lambda k, *key: draw(each, k, *key))(k, step, seed, stream)

    return numbers


def indices(elements: int | NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of elements: those given, or so many from 0."""
    return np.arange(elements) if isinstance(elements, int) else np.asarray(elements, np.int64)


absolute = silent(functions.absolute)
arccos = silent(functions.arccos)
arcsin = silent(functions.arcsin)
arctan = silent(functions.arctan)
ceil = silent(functions.ceil)
clip = silent(functions.clip)
cos = silent(functions.cos)
cosh = silent(functions.cosh)
exp = silent(functions.exp)
expm1 = silent(functions.expm1)
exprel = silent(functions.exprel)
floor = silent(functions.floor)
floordiv = silent(functions.floordiv)
fmod_python = silent(functions.fmod_python)
inverse_exprel = silent(functions.inverse_exprel)
log = silent(functions.log)
log10 = silent(functions.log10)
log1p = silent(functions.log1p)
pow = silent(functions.pow)
sign = silent(functions.sign)
sin = silent(functions.sin)
sinh = silent(functions.sinh)
sqrt = silent(primitives.sqrt)
tan = silent(functions.tan)
tanh = silent(functions.tanh)
timestep = silent(functions.timestep)

uniforms = drawn(random.uniform)
"""Uniform numbers in [0, 1)."""
normals = drawn(random.normal)
"""Standard normal numbers."""
poissons = drawn_with_means(random.poisson)
"""Poisson numbers."""

"""The numerical functions for numpy arrays: no warnings of overflow, and the same bits as in compiled kernels.

Names are the same as in `functions`; `uniforms`, `normals` and `poissons` draw for many elements.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snnrun.kernels import functions, primitives, random
from snnrun.kernels.primitives import Numbers


def without_warnings(
    function: Callable[..., Numbers], dtype: type[np.floating[Any]] = np.float64
) -> Callable[..., Numbers]:
    """The function on numbers or arrays of type `dtype`, without numpy's warnings of overflow and undefined results."""

    @wraps(function)
    def evaluate(*args: ArrayLike) -> Numbers:
        values = [np.asarray(arg, dtype)[()] for arg in args]
        with np.errstate(all="ignore"):
            return function(*values)

    return evaluate


def elementwise(draw: Callable[..., Numbers]) -> Callable[[int | NDArray[np.int64], int, int, int], NDArray[Any]]:
    """A function that draws the number of one element, as a function of many elements.

    Its arguments are the indices of the elements, int64, shape (n,), or their number n for 0 to n - 1; the step; the
    seed of the run; the key of the stream, see `stream_key`. It returns one number an element, shape (n,).
    """

    def numbers(elements: int | NDArray[np.int64], step: int, seed: int, stream: int) -> NDArray[Any]:
        with np.errstate(all="ignore"):
            return np.asarray(draw(indices(elements), step, seed, stream))

    return numbers


def elementwise_with_means(
    draw: Callable[..., Numbers],
) -> Callable[[ArrayLike, int | NDArray[np.int64], int, int, int], NDArray[Any]]:
    """The same for numbers with a mean; the means, a number or shape (n,), come before the other arguments."""

    def numbers(means: ArrayLike, elements: int | NDArray[np.int64], step: int, seed: int, stream: int) -> NDArray[Any]:
        k = indices(elements)
        each = np.broadcast_to(np.asarray(means, np.float64), k.shape)
        return elementwise(lambda k, *key: draw(each, k, *key))(k, step, seed, stream)

    return numbers


def indices(elements: int | NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices of elements as int64: those given, or 0 to n - 1."""
    return np.arange(elements) if isinstance(elements, int) else np.asarray(elements, np.int64)


absolute = without_warnings(functions.absolute)
arccos = without_warnings(functions.arccos)
arcsin = without_warnings(functions.arcsin)
arctan = without_warnings(functions.arctan)
arctan2 = without_warnings(functions.arctan2)
ceil = without_warnings(functions.ceil)
clip = without_warnings(functions.clip)
cos = without_warnings(functions.cos)
cosh = without_warnings(functions.cosh)
erf = without_warnings(functions.erf)
erfc = without_warnings(functions.erfc)
exp = without_warnings(functions.exp)
expm1 = without_warnings(functions.expm1)
exprel = without_warnings(functions.exprel)
floor = without_warnings(functions.floor)
floordiv = without_warnings(functions.floordiv)
fmod_python = without_warnings(functions.fmod_python)
hypot = without_warnings(functions.hypot)
inverse_exprel = without_warnings(functions.inverse_exprel)
log = without_warnings(functions.log)
log10 = without_warnings(functions.log10)
log1p = without_warnings(functions.log1p)
maximum = without_warnings(functions.maximum)
minimum = without_warnings(functions.minimum)
pow = without_warnings(functions.pow)
rint = without_warnings(functions.rint)
sign = without_warnings(functions.sign)
sin = without_warnings(functions.sin)
sinh = without_warnings(functions.sinh)
sqrt = without_warnings(primitives.sqrt)
tan = without_warnings(functions.tan)
tanh = without_warnings(functions.tanh)
timestep = without_warnings(functions.timestep)

uniforms = elementwise(random.uniform)
"""Uniform numbers in [0, 1)."""
normals = elementwise(random.normal)
"""Standard normal numbers."""
poissons = elementwise_with_means(random.poisson)
"""Poisson numbers."""

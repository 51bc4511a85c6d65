"""The numerical functions for numpy in single precision: what `arrays` is for float64, the bits of compiled kernels."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from snnrun.kernels import arrays, primitives, single_functions, single_random
from snnrun.kernels.primitives import Numbers

_silent = partial(arrays.without_warnings, dtype=np.float32)

absolute = _silent(single_functions.absolute)
arccos = _silent(single_functions.arccos)
arcsin = _silent(single_functions.arcsin)
arctan = _silent(single_functions.arctan)
arctan2 = _silent(single_functions.arctan2)
ceil = _silent(single_functions.ceil)
clip = _silent(single_functions.clip)
cos = _silent(single_functions.cos)
cosh = _silent(single_functions.cosh)
erf = _silent(single_functions.erf)
erfc = _silent(single_functions.erfc)
exp = _silent(single_functions.exp)
expm1 = _silent(single_functions.expm1)
exprel = _silent(single_functions.exprel)
inverse_exprel = _silent(single_functions.inverse_exprel)
floor = _silent(single_functions.floor)
floordiv = _silent(single_functions.floordiv)
fmod_python = _silent(single_functions.fmod_python)
hypot = _silent(single_functions.hypot)
log = _silent(single_functions.log)
log10 = _silent(single_functions.log10)
log1p = _silent(single_functions.log1p)
maximum = _silent(single_functions.maximum)
minimum = _silent(single_functions.minimum)
pow = _silent(single_functions.pow)
rint = _silent(single_functions.rint)
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


uniforms = arrays.elementwise(single_random.uniform)
"""Uniform numbers in [0, 1)."""
normals = arrays.elementwise(single_random.normal)
"""Standard normal numbers."""
poissons = arrays.elementwise_with_means(single_random.poisson)
"""Poisson numbers."""

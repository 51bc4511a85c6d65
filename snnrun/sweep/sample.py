"""Designs of experiments: where the points of a sample lie in the space of parameters.

A design is a table of numbers in [0, 1), one row for each point, one column for each parameter. It depends on names and
seed only, and is computed with integers, so that the same file gives the same points on every machine.

- `random`: independent uniform numbers.
- `lhs`: a Latin hypercube: each of n equal slices of each parameter holds one point (McKay, Beckman and Conover 1979).
- `sobol`: Sobol's sequence with the direction numbers of Joe and Kuo 2008, each parameter scrambled separately after
  Owen with hashes (Burley 2020): the first 2**k points lie in different boxes of every grid of 2**k equal boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.kernels.arrays import uniforms
from snnrun.kernels.streams import stream_key
from snnrun.spec.models import SampleMethod

_BITS = 32
# For the second and later parameters: primitive polynomial over GF(2) as a whole number, then the first direction
# numbers. S. Joe and F. Y. Kuo, "Constructing Sobol sequences with better two-dimensional projections", 2008.
_DIRECTIONS = (
    "3:1 7:1,3 11:1,3,1 13:1,1,1 19:1,1,3,3 25:1,3,5,13 37:1,1,5,5,17 41:1,1,5,5,5 47:1,1,7,11,19 55:1,1,5,1,1 "
    "59:1,1,1,3,11 61:1,3,5,5,31 67:1,3,3,9,7,49 91:1,1,1,15,21,21 97:1,3,1,13,27,49 103:1,1,1,15,7,5 "
    "109:1,3,1,15,13,25 115:1,1,5,5,19,61 131:1,3,7,11,23,15,103 137:1,3,7,13,13,15,69 143:1,1,3,13,7,35,63 "
    "145:1,3,5,9,1,25,53 157:1,3,1,13,9,35,107 167:1,3,1,5,27,61,31 171:1,1,5,11,19,41,61 185:1,3,5,3,3,13,69 "
    "191:1,1,7,13,1,19,1 193:1,3,7,5,13,19,59 203:1,1,3,9,25,29,41 211:1,3,5,13,23,1,55 213:1,3,7,3,13,59,17"
)
MOST_SOBOL = 1 + len(_DIRECTIONS.split())


def design(method: SampleMethod, names: Sequence[str], size: int, seed: int) -> NDArray[np.float64]:
    """Points in the unit cube, shape (size, parameters).

    Args:
        method: How they are placed.
        names: The parameters; at most `MOST_SOBOL` for `sobol`.
        size: Number of points.
        seed: The seed.
    """
    columns: list[NDArray[np.floating[Any]]] = []
    for k, name in enumerate(names):
        match method:
            case SampleMethod.RANDOM:
                columns.append(_uniforms("random", name, size, seed))
            case SampleMethod.LHS:
                slices = np.argsort(_uniforms("slices", name, size, seed), kind="stable")
                columns.append((slices + _uniforms("within", name, size, seed)) / size)
            case SampleMethod.SOBOL:
                key = int(_uniforms("scramble", name, 1, seed)[0] * 2**_BITS)
                columns.append((owen_scrambled(sobol(k, size), key) + 0.5) / 2.0**_BITS)
    return np.minimum(np.stack(columns, axis=1), 1.0 - 2.0**-53)


def _uniforms(use: str, name: str, size: int, seed: int) -> NDArray[np.float64]:
    return uniforms(size, 0, seed, stream_key(f"sweep.sample.{name}.{use}"))


def sobol(parameter: int, size: int) -> NDArray[np.uint32]:
    """One coordinate of Sobol's sequence in Gray code order, as fractions of 2**32, shape (size,)."""
    directions = _directions(parameter)
    order = np.arange(size, dtype=np.uint32)
    gray = order ^ (order >> np.uint32(1))
    points = np.zeros(size, np.uint32)
    for bit in range(_BITS):
        points ^= np.where((gray >> np.uint32(bit)) & np.uint32(1), np.uint32(directions[bit]), np.uint32(0))
    return points


def _directions(parameter: int) -> list[int]:
    """Direction numbers of a coordinate as fractions of 2**32, shape (32,)."""
    if parameter == 0:
        return [1 << (_BITS - 1 - k) for k in range(_BITS)]
    head, _, rest = _DIRECTIONS.split()[parameter - 1].partition(":")
    polynomial, numbers = int(head), [int(m) for m in rest.split(",")]
    degree = len(numbers)
    for k in range(degree, _BITS):
        new = numbers[k - degree] ^ (numbers[k - degree] << degree)
        for j in range(1, degree):
            if polynomial >> (degree - j) & 1:
                new ^= numbers[k - j] << j
        numbers.append(new)
    return [m << (_BITS - 1 - k) for k, m in enumerate(numbers)]


def owen_scrambled(points: NDArray[np.uint32], key: int) -> NDArray[np.uint32]:
    """Points scrambled so that each digit is exchanged or not by a hash of the key and of the digits before it."""
    x = _reversed(points) + np.uint32(key)
    for factor in (0x6C50B47C, 0xB82F1E52, 0xC7AFE638, 0x8D22F6E6):  # even: a bit depends on lower ones only
        x = x ^ (x * np.uint32(factor))
    return _reversed(x)


def _reversed(x: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The bits of each number in reverse order."""
    for shift, mask in ((1, 0x55555555), (2, 0x33333333), (4, 0x0F0F0F0F), (8, 0x00FF00FF), (16, 0x0000FFFF)):
        low = np.uint32(mask)
        x = ((x >> np.uint32(shift)) & low) | ((x & low) << np.uint32(shift))
    return x

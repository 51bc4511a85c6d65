"""Rows of targets by compiled code, for rules that make so many synapses that numpy would be slow.

The numbers are those of `network.connect`: the same draws, the same rounding. A test compares the two.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from snnrun.codegen.cache import obtain
from snnrun.codegen.prelude import PRELUDE
from snnrun.engine.native import NativeKernel
from snnrun.equations.dag import is_fixed
from snnrun.network.connect import Ground
from snnrun.network.evaluate import Environment, evaluate
from snnrun.network.ir import All, Connect, IntArray
from snnrun.network.streams import key_of
from snnrun.numerics import functions
from snnrun.numerics.kernel_text import kernel_text

WORTH_IT = 2_000_000  # synapses from which on compiling (once) is quicker than numpy
PIECE = 64  # draws made together, so that the logarithms are vectorised

Rows = tuple[IntArray, NDArray[np.int32]]

TEXT = """
@_outline
def draw_gaps(row, first, seed, stream, scale, limit, gaps):
    # distances to the next partner: geometric, by the logarithm of a uniform number
    for q in range(32):
        x0, x1 = threefry((first >> 1) + q, row, seed, stream)
        u0 = float_of(shift_right(x0, 12) | 0x3FF0000000000000) - 1.0
        u1 = float_of(shift_right(x1, 12) | 0x3FF0000000000000) - 1.0
        g0 = floor(log(1.0 - u0) * scale)
        g1 = floor(log(1.0 - u1) * scale)
        gaps[2 * q] = select(g0 < limit, g0, limit)
        gaps[2 * q + 1] = select(g1 < limit, g1, limit)


@cfunc(types.int64(types.int64, types.int64, types.CPointer(types.int64)), error_model="numpy", _nrt=False)
def advance(first, count, table):
    numbers = i64(table, 0)
    scale = f64(table, 1)[0]
    rows = i64(table, 2)
    post = i32(table, 3)
    ids = i64(table, 4)
    gaps = f64(table, 5)
    targets = numbers[0]
    seed = numbers[1]
    stream = numbers[2]
    capacity = numbers[3]
    at = 0
    for i in range(first, first + count):
        rows[i] = at
        j = -1
        k = 0
        while j < targets:
            draw_gaps(i, k, seed, stream, scale, float(targets), gaps)
            k += 64
            for b in range(64):
                j += 1 + int(gaps[b])
                if j >= targets:
                    break
                if at < capacity:
                    post[at] = ids[j]
                at += 1
    rows[first + count] = at
    return at
"""


def fast_rows(connect: Connect, ground: Ground, size: int) -> Rows | None:
    """The rows of a rule of constant probability between many neurons.

    Args:
        connect: The rule.
        ground: What it is evaluated on.
        size: Neurons of the whole source group.

    Returns:
        Row pointers, shape (size + 1,), and targets, shape (synapses,); None when the rule is of another kind or
        makes few synapses.
    """
    rule = connect.rule
    if not isinstance(rule, All) or rule.where is not None or rule.n is not None:
        return None
    if rule.p is None or not is_fixed(rule.p):
        return None
    p = float(evaluate(rule.p, Environment()))
    n, targets = connect.source.size, connect.target.size
    if not 0 < p < 1 or n * targets * p < WORTH_IT:
        return None
    return _spread(connect, size, *_jump(connect, ground.seeds.connect, n, targets, p))


def _jump(connect: Connect, seed: int, n: int, targets: int, p: float) -> Rows:
    """Rows of the view's sources."""
    mean = n * targets * p
    capacity = int(mean + 10 * np.sqrt(mean) + 1000)
    with np.errstate(all="ignore"):
        scale = np.array([1.0 / float(functions.log1p(np.float64(-p)))])
    rows = np.zeros(n + 1, np.int64)
    gaps = np.zeros(PIECE)
    ids = np.ascontiguousarray(connect.target.ids)
    while True:
        post = np.empty(capacity, np.int32)
        numbers = np.array([targets, _signed(seed), _signed(key_of(connect.stream)), capacity], np.int64)
        table = np.array([a.ctypes.data for a in (numbers, scale, rows, post, ids, gaps)], np.int64)
        found = _kernel().advance(0, n, table)
        if found <= capacity:
            return rows, post[:found]
        capacity = found


def _spread(connect: Connect, size: int, rows: IntArray, post: NDArray[np.int32]) -> Rows:
    """Row pointers of the whole source group from those of the view; neurons outside have empty rows."""
    if connect.source.whole:
        return rows, post
    lengths = np.zeros(size, np.int64)
    lengths[connect.source.ids] = np.diff(rows)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), post


@lru_cache(maxsize=1)
def _kernel() -> NativeKernel:
    future = "from __future__ import annotations\n"
    library = kernel_text(["floor", "log", "threefry"]).replace(future, "")
    imports = f"{future}\nfrom numba import cfunc, njit, types\nfrom numba.extending import intrinsic\n"
    return NativeKernel(obtain(f"{imports}\n{library}\n{PRELUDE}\n{TEXT}").object)


def _signed(value: int) -> int:
    """A 64-bit pattern as a signed number."""
    value &= 0xFFFF_FFFF_FFFF_FFFF
    return value - 2**64 if value >= 2**63 else value

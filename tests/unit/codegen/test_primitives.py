"""Kernels' Python: compiled by numba, lines and primitives compute what Python computes from them."""

from __future__ import annotations

import itertools
import struct
from typing import Any

import numpy as np
import pytest

from snnrun.codegen.compile import ADVANCE, machine_of, optimised
from snnrun.codegen.load import loaded
from snnrun.codegen.lower import UncompilableError
from snnrun.codegen.native import NativeKernel
from snnrun.codegen.target import processor
from snnrun.kernels.arithmetic import Math

HEAD = """
from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import *

@kernel()
def twice(a):
    return 2 * a

@kernel()
def twice_of(a, k):
    a[k] = twice(a[k])

@kernel()
def early(a, b):
    if a > b:
        return a
    for k in range(b):
        if k == 3:
            return 10 * k
    return -b

@kernel(single=True)
def narrowed(a):
    return a * 0.1

@kernel()
def applied(function, a):
    return function(a) + 1

"""
ADVANCING = """def advance(first, n_steps, table):
    ints, few, narrow, bytes = i64(table, 0), i32(table, 1), u16(table, 2), u8(table, 3)
    x, y = f64(table, 4), f32(table, 5)
"""


def arrays() -> list[Any]:
    return [
        np.array([3, -7, 2, 0, 11, -(2**40)], np.int64),
        np.array([-5, 2**31 - 1, 0, 9], np.int32),
        np.array([65535, 1, 40000], np.uint16),
        np.array([255, 0, 128, 1], np.uint8),
        np.array([0.5, -2.25, 1e300, 3.0, np.nan, np.inf]),
        np.array([0.1, 3.0, -1.5], np.float32),
    ]


SIGNS = list(itertools.product([-9, -8, -1, 0, 1, 7, 8], [-4, -3, -1, 1, 3, 4]))
SMALL = [(0, 0), (0, 5), (3, 4), (-2, 9), (5, 1)]
BODIES = {
    "whole numbers are divided as in Python": (
        """
ints[0] = first // n_steps
ints[1] = first % n_steps
x[0] = first / n_steps
x[1] = -first / 3 + 2.0 * n_steps
return 7 * (first // n_steps) + first % n_steps + int(x[1])
""",
        SIGNS,
    ),
    "bits": (
        """
ints[0] = (first & n_steps) | (first ^ 5)
ints[1] = first >> 1
ints[2] = first << 3
return -first - (n_steps >> 2) + lowest_bit((first & 31) + 32)
""",
        SIGNS,
    ),
    "a choice of two values": (
        """
a, b = first < n_steps, first == n_steps
bytes[0] = select((first >= 0) & (n_steps != 3), 1, 0)
bytes[1] = select((a | b) == False, 2, 3)
x[0] = select(a, 1.5, x[1])
y[0] = select(b, y[1], y[2])
return select(a & ((first >= 0) & (n_steps != 3)), first, n_steps)
""",
        SIGNS,
    ),
    "numbers compare with NaN": (
        """
n = 0
for k in range(5):
    if x[4] < x[k] or x[k] >= x[4] or x[4] == x[k]:
        n += 1
    if x[4] != x[k] and x[k] - x[k] != x[5] - x[5]:
        n += 100
return n
""",
        [(0, 0)],
    ),
    "loops": (
        """
n = 0
for k in range(first, n_steps):
    n = 3 * n + k
for k in range(first, 20, 3):
    n = 2 * n + k
for k in range(20):
    if k % 3 == 1:
        continue
    if k > n_steps + 4:
        break
    n += k
while ints[n % 5] != 11 and n < 1000:
    n += 1
return n
""",
        SMALL,
    ),
    "values of arrays of every type": (
        """
ints[0] = int(narrow[0]) * int(narrow[2])
ints[1] = int(few[0]) + int(few[1])
ints[2] = int(few[1]) * int(few[1])
ints[3] = int(bytes[0]) - int(bytes[2])
narrow[1] = int(bytes[0]) + 1
few[2] = int(narrow[0]) - 70000
ints[1] += first
ints[2] *= n_steps - 3
x[1] *= 2.5
x[3] /= 7.0
x[2] = narrow[0] / bytes[0]
return ints[int(few[3]) - int(narrow[1]) + 250]
""",
        SMALL,
    ),
    "the smaller and the larger": ("return min(first, n_steps) * 100 + max(first, 2)", SMALL),
    "single precision": (
        """
y[0] = y[1] + y[2]
x[0] = double_of(y[1]) * 0.3
y[1] = narrowed(-y[2])
y[2] = single_of(x[1]) * single_of(first)
return int(y[0])
""",
        SMALL,
    ),
    "functions": (
        """
twice_of(x, 1)
twice_of(ints, 1)
return twice(first) + early(first, n_steps) + early(n_steps, first) + applied(twice, first)
""",
        SMALL,
    ),
    "bits of numbers": (
        """
ints[0] = bits_of(x[1]) + first
ints[1] = shift_right(bits_of(x[1]), 3)
ints[2] = bits_of(y[2]) & 0x7FFFFFFF
ints[3] = shift_right_32(bits_of(y[2]), 5)
ints[4] = lower_half(ints[5] + 123456789012)
x[0] = float_of(bits_of(x[1]) ^ (-0x8000_0000_0000_0000))
y[0] = single_of_bits(bits_of(y[1]) + 1)
x[2] = float_of(u64(ints[0]) >> u64(2))
x[3] = sqrt(x[0])
y[1] = sqrt(y[1])
return i64_of(u64(first) * u64(0x9E3779B97F4A7C15)) + upper_half(u64(ints[5]) << u64(9))
""",
        SMALL,
    ),
    "words that other threads write": (
        """
before = atomic_add(ints, 2, first)
prefetch(x, 3)
pause()
return 100 * before + atomic_load(ints, 2)
""",
        SMALL,
    ),
}


def run(advance: Any, first: int, n_steps: int) -> tuple[int, list[bytes]]:
    """The result, and all arrays afterwards."""
    given = arrays()
    table = np.array([a.ctypes.data for a in given], np.int64)
    return int(advance(first, n_steps, table)), [a.tobytes() for a in given]


def text_of(body: str) -> str:
    return HEAD + "@kernel()\n" + ADVANCING + "".join(f"    {line}\n" for line in body.strip("\n").splitlines())


def compiled(text: str, math: Math = Math.STRICT) -> Any:
    machine = machine_of(processor())
    return NativeKernel(machine.emit_object(optimised(loaded(text).advance, ADVANCE, machine, math))).advance


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("math", list(Math))
def test_compiled_lines_compute_what_python_computes(name: str, math: Math) -> None:
    body, calls = BODIES[name]
    by_numba, by_python = compiled(text_of(body), math), loaded(text_of(body)).advance
    with np.errstate(all="ignore"):
        for first, n_steps in calls:
            assert run(by_numba, first, n_steps) == run(by_python, first, n_steps)


def test_whole_numbers_divide_by_zero_to_zero() -> None:
    result, found = run(compiled(text_of("ints[0] = first // n_steps\nreturn 10 + first % n_steps")), 7, 0)
    assert (result, struct.unpack("<q", found[0][:8])) == (10, (0,))


def test_whole_numbers_are_taken_modulo_two_to_the_64() -> None:
    assert run(compiled(text_of("return first * n_steps + 1")), 2**62, 6)[0] == -(2**63) + 1


@pytest.mark.parametrize(
    "body",
    [
        "return unknown(first)",
        "return first + 'a'",
        "return select(first, 1, 0)",
        "return select(first > 1, 1, 0.5)",
        "return open('x')",
    ],
)
def test_what_numba_cannot_type_is_refused(body: str) -> None:
    with pytest.raises(UncompilableError):
        compiled(text_of(body))


def test_functions_of_the_c_library_are_refused() -> None:
    """Their bits would depend on the machine."""
    text = "import math\n" + text_of("x[0] = math.sin(x[1])\nreturn 0")
    with pytest.raises(UncompilableError, match=r"holds all that it calls, but not .*sin"):
        compiled(text)

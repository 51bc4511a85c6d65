"""The language of kernels' text: compiled, it computes what Python computes from the same lines."""

from __future__ import annotations

import itertools
import struct
from typing import Any

import numpy as np
import pytest

from snnrun.codegen.compile import compile_kernel
from snnrun.codegen.prelude import PRELUDE
from snnrun.codegen.target import processor
from snnrun.engine.native import NativeKernel
from snnrun.numerics.kernel_text import kernel_text

ENTRY = "@entry(types.int64(types.int64, types.int64, types.pointer(types.int64)))\n"
HEAD = """def advance(first, n_steps, table):
    ints = i64(table, 0)
    few = i32(table, 1)
    narrow = u16(table, 2)
    bytes = u8(table, 3)
    x = f64(table, 4)
    y = f32(table, 5)
"""


def arrays() -> list[Any]:
    return [
        np.array([3, -7, 2, 0, 11, -(2**40)], np.int64),
        np.array([-5, 2**31 - 1, 0, 9], np.int32),
        np.array([65535, 1, 40000], np.uint16),
        np.array([255, 0, 128, 1], np.uint8),
        np.array([0.5, -2.25, 1e300, 3.0, np.nan]),
        np.array([0.1, 3.0, -1.5], np.float32),
    ]


def lines(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.strip("\n").splitlines())


def compiled(body: str, before: str = "") -> NativeKernel:
    text = kernel_text([]) + PRELUDE + "\n" + before + "\n" + ENTRY + HEAD + lines(body)
    return NativeKernel(compile_kernel(text, processor()))


def by_kernel(kernel: NativeKernel, first: int, n_steps: int) -> tuple[int, list[bytes]]:
    """The result, and all arrays afterwards."""
    given = arrays()
    table = np.array([a.ctypes.data for a in given], np.int64)
    return kernel.advance(first, n_steps, table), [a.tobytes() for a in given]


def by_python(body: str, first: int, n_steps: int) -> tuple[int, list[bytes]]:
    """The same lines run by Python on lists, whose values go back into arrays."""
    given = arrays()
    table = [a.tolist() for a in given]
    names: dict[str, Any] = dict.fromkeys(("i64", "i32", "u16", "u8", "f64", "f32"), lambda t, k: t[k])
    names |= {"_outline": lambda f: f, "_inline": lambda f: f, "select": lambda c, a, b: a if c else b}
    exec(FUNCTIONS + HEAD + lines(body), names)
    result = names["advance"](first, n_steps, table)
    return int(result), [np.array(v, a.dtype).tobytes() for v, a in zip(table, given, strict=True)]


SIGNS = list(itertools.product([-9, -8, -1, 0, 1, 7, 8], [-4, -3, -1, 1, 3, 4]))
SMALL = [(0, 0), (0, 5), (3, 4), (-2, 9), (5, 1)]
BODIES = {
    "division": (
        """
ints[0] = first // n_steps
ints[1] = first % n_steps
return 7 * (first // n_steps) + first % n_steps
""",
        SIGNS,
    ),
    "quotients": (
        """
x[0] = first / n_steps
x[1] = -first / 3 + 2.0 * n_steps
return int(x[1]) - int(-x[0])
""",
        SIGNS,
    ),
    "bits": (
        """
ints[0] = (first & n_steps) | (first ^ 5)
ints[1] = first >> 1
ints[2] = first << 3
return -first - (n_steps >> 2)
""",
        SIGNS,
    ),
    "comparisons": (
        """
a = first < n_steps
b = first == n_steps
c = (first >= 0) & (n_steps != 3)
d = a | b
bytes[0] = select(c, 1, 0)
bytes[1] = select(d == False, 2, 3)
return select(a & c, first, n_steps)
""",
        SIGNS,
    ),
    "numbers compare with NaN": (
        """
n = 0
for k in range(5):
    if x[4] < x[k] or x[k] >= x[4] or x[4] == x[k]:
        n += 1
    if x[4] != x[k]:
        n += 100
return n
""",
        [(0, 0)],
    ),
    "counting": (
        """
n = 0
for k in range(first, n_steps):
    n = 3 * n + k
return n
""",
        SMALL,
    ),
    "strides": (
        """
n = 0
for k in range(first, 20, 3):
    n = 2 * n + k
for k in range(n_steps, first - 7, -2):
    n = 2 * n + k
return n
""",
        SMALL,
    ),
    "a variable of a loop": (
        """
k = -1
for k in range(n_steps):
    ints[1] += k
    k = 100
return k
""",
        SMALL,
    ),
    "ways out of loops": (
        """
n = 0
for k in range(20):
    if k % 3 == 1:
        continue
    if k > n_steps + 4:
        break
    for m in range(k):
        if m == 2:
            break
        n += m + 1
    n += k
while True:
    n += 1
    if n > 30:
        return n
    if n == first:
        break
return -n
""",
        SMALL,
    ),
    "what is not asked is not read": (
        """
k = 0
while k < 6 and ints[k] != 11:
    k += 1
if k >= 6 or ints[k] != 11:
    return -1
if not (k == 4 and first == 0) and n_steps > 4 and first != 3:
    k += 10
return k
""",
        SMALL,
    ),
    "choices": (
        """
a = first if first > n_steps else n_steps - 1
b = 1.5 if a > 2 else a
x[0] = b
if a > 4:
    c = 1
elif a > 2:
    c = 2
else:
    c = 3
return c + min(a, 3) - max(first, n_steps)
""",
        SMALL,
    ),
    "small integers have no sign but 32 bits have": (
        """
ints[0] = narrow[0] * narrow[2]
ints[1] = few[0] + few[1]
ints[2] = few[1] * few[1]
ints[3] = bytes[0] - bytes[2]
few[2] = narrow[0] - 70000
narrow[1] = bytes[0] + 1
bytes[3] = bytes[2] - first - 3
x[2] = narrow[0] / bytes[0]
return ints[few[3] - narrow[1] + 250]
""",
        SMALL,
    ),
    "what is added in place": (
        """
ints[1] += first
ints[2] *= n_steps - 3
few[0] -= first
x[1] *= 2.5
x[3] /= 7
n = 5
n <<= 2
n ^= first
n -= 1
return n
""",
        SMALL,
    ),
    "two names for a value": (
        """
a = b = first
a += 1
return 10 * a + b
""",
        SMALL,
    ),
    "single precision": (
        """
y[0] = y[1] + y[2]
x[0] = y[1] * 0.3
x[1] = y[2] / 2
y[1] = -y[2] * float(first)
return int(y[2] * y[2])
""",
        SMALL,
    ),
    "functions": (
        """
t = twice(first)
twice_of(x, 1)
twice_of(ints, 1)
return t + early(first, n_steps) + early(n_steps, first)
""",
        SMALL,
    ),
}
FUNCTIONS = """
@_inline
def twice(a):
    return 2 * a


@_outline
def twice_of(a, k):
    a[k] = twice(a[k])


@_outline
def early(a, b):
    if a > b:
        return a
    for k in range(b):
        if k == 3:
            return 10 * k
    return -b
"""


@pytest.mark.parametrize("name", BODIES)
def test_compiled_lines_compute_what_python_computes(name: str) -> None:
    body, calls = BODIES[name]
    kernel = compiled(body, FUNCTIONS)
    for first, n_steps in calls:
        assert by_kernel(kernel, first, n_steps) == by_python(body, first, n_steps)


def test_integers_divide_by_zero_to_zero() -> None:
    kernel = compiled("ints[0] = first // n_steps\nreturn 10 + first % n_steps")
    result, found = by_kernel(kernel, 7, 0)
    assert (result, struct.unpack("<q", found[0][:8])) == (10, (0,))


def test_integers_are_taken_modulo_two_to_the_64() -> None:
    kernel = compiled("return first * n_steps + 1")
    assert by_kernel(kernel, 2**62, 6)[0] == -(2**63) + 1


@pytest.mark.parametrize(
    "body",
    [
        "a = [1]\nreturn 1",
        "return first ** 2",
        "with first:\n    return 1",
        "for k in ints:\n    pass\nreturn 1",
        "for k in range(0, 5, first):\n    pass\nreturn 1",
        "return min(x[0], x[1])",
        "return x[0] // x[1]",
        "return unknown(first)",
        "a = 1\na = 2.0\nreturn 1",
        "for k in range(3):\n    k = 0.5\nreturn 1",
        "a, b = first, n_steps\nreturn a",
        "return 1 < first < 3",
        "return select(first, 1, 0)",
    ],
)
def test_other_lines_are_refused(body: str) -> None:
    with pytest.raises(TypeError):
        compiled(body)

"""One compiled kernel per numerical function, from the text that experiments' kernels are made of."""

import ctypes
import importlib.util
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from snnrun.numerics import arrays, single
from snnrun.numerics.arithmetic import Precision
from snnrun.numerics.kernel_text import kernel_text

UNARY = """absolute arccos arcsin arctan ceil cos cosh exp expm1 exprel floor log log10 log1p sign sin sinh sqrt tan
tanh""".split()  # noqa: SIM905
BINARY = ["floordiv", "fmod_python", "pow"]
TIMES = ["timestep"]
ELEMENT = ["normal", "uniform"]
FILL = ["fill_normal", "fill_uniform"]

HEAD = """
from numba import cfunc
_doubles = types.CPointer(types.float64)
_floats = types.CPointer(types.FLOAT)
def _kernel(arguments):
    return cfunc(types.void(*arguments), error_model="numpy", _nrt=False)
"""
TEMPLATES = {
    "unary": """
@_kernel((_floats, _floats, types.int64))
def kernel_{name}(x, out, n):
    for k in range(n):
        out[k] = {name}(x[k])
""",
    "binary": """
@_kernel((_floats, _floats, _floats, types.int64))
def kernel_{name}(x, y, out, n):
    for k in range(n):
        out[k] = {name}(x[k], y[k])
""",
    "times": """
@_kernel((_doubles, _doubles, _floats, types.int64))
def kernel_{name}(x, y, out, n):
    for k in range(n):
        out[k] = {name}(x[k], y[k])
""",
    "element": """
@_kernel((_floats, types.int64, types.int64, types.int64, types.int64))
def kernel_{name}(out, n, step, seed, stream):
    for k in range(n):
        out[k] = {name}(k, step, seed, stream)
""",
    "fill": """
@_kernel((_floats, types.int64, types.int64, types.int64, types.int64))
def kernel_{name}(out, n, step, seed, stream):
    {name}(out, 0, n >> 1, step, seed, stream)
    {name}(out, n >> 1, n, step, seed, stream)
""",
}
OTHERS = """
@_kernel((_doubles, _floats, types.int64, types.int64, types.int64, types.int64))
def kernel_poisson(lam, out, n, step, seed, stream):
    for k in range(n):
        out[k] = poisson(lam[k], k, step, seed, stream)

@_kernel((_floats, _doubles, types.int64, _floats, types.int64))
def kernel_count_below(u, table, size, out, n):
    for k in range(n):
        out[k] = u[k] + count_below(u[k], table, size)

@_kernel((_floats, types.int64))
def kernel_conversions(out, k):
    out[0] = exp(k)
    out[1] = pow(k, 2)
    out[2] = exp(k > 2)
    out[3] = floor(select(k > 2, -2.5, k))

@_kernel((_floats, _floats, _floats, _floats, types.int64))
def kernel_gates(v, m, n, h, count):
    for k in range(count):
        V = v[k]
        one = number(1.0)
        am = number(1.28) / exprel((number(13.0) - V) / number(4.0))
        bm = number(1.4) / exprel((V - number(40.0)) / number(5.0))
        ah = number(0.128) * exp((number(17.0) - V) / number(18.0))
        bh = number(4.0) / (one + exp((number(40.0) - V) / number(5.0)))
        an = number(0.16) / exprel((number(15.0) - V) / number(5.0))
        bn = number(0.5) * exp((number(10.0) - V) / number(40.0))
        m[k] += am * (one - m[k]) - bm * m[k]
        h[k] += ah * (one - h[k]) - bh * h[k]
        n[k] += an * (one - n[k]) - bn * n[k]
"""


FLOATS = {Precision.DOUBLE: np.float64, Precision.SINGLE: np.float32}
TWINS = {Precision.DOUBLE: arrays, Precision.SINGLE: single}


@dataclass
class Kernels:
    """Compiled test kernels of one precision by the name of the function they call.

    Args:
        precision: Of the kernels' numbers.
        module: The compiled functions.
        twin: The same functions for numpy.
    """

    precision: Precision
    module: Any
    twin: Any

    @property
    def float(self):
        """Type of the kernels' numbers."""
        return FLOATS[self.precision]

    def cfunc(self, name):
        return getattr(self.module, f"kernel_{name}")

    def call(self, name, *args):
        """Call a kernel; arrays go as pointers."""
        run_at(self.cfunc(name).address, *args)


def compiled(folder, precision, math):
    """All test kernels, of a precision and a math."""
    names = {"unary": UNARY, "binary": BINARY, "times": TIMES, "element": ELEMENT, "fill": FILL}
    every = [*(name for some in names.values() for name in some), "poisson", "count_below"]
    calls = [TEMPLATES[kind].format(name=name) for kind in names for name in names[kind]]
    stem = f"kernels_{precision}_{math}"
    path = folder / f"{stem}.py"
    head = HEAD.replace("FLOAT", FLOATS[precision].__name__)
    path.write_text(kernel_text(every, precision, math) + head + "".join(calls) + OTHERS)
    spec = importlib.util.spec_from_file_location(stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[stem] = module  # numba looks the module of a function up by its name
    spec.loader.exec_module(module)
    return Kernels(precision, module, TWINS[precision])


def run_at(address, *args):
    """Call machine code at an address with arrays and integers."""
    kinds = [ctypes.c_void_p if isinstance(a, np.ndarray) else ctypes.c_int64 for a in args]
    values = [a.ctypes.data if isinstance(a, np.ndarray) else a for a in args]
    ctypes.CFUNCTYPE(None, *kinds)(address)(*values)

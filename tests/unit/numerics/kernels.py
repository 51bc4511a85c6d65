"""One compiled kernel per numerical function, from the text that experiments' kernels are made of."""

import ctypes
from dataclasses import dataclass

import numpy as np

UNARY = """absolute arccos arcsin arctan ceil cos cosh exp expm1 exprel floor log log10 log1p sign sin sinh sqrt tan
tanh""".split()  # noqa: SIM905
BINARY = ["floordiv", "fmod_python", "pow", "timestep"]
ELEMENT = ["normal", "uniform"]
FILL = ["fill_normal", "fill_uniform"]

HEAD = """
from numba import cfunc
_floats = types.CPointer(types.float64)
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
@_kernel((_floats, _floats, types.int64, types.int64, types.int64, types.int64))
def kernel_poisson(lam, out, n, step, seed, stream):
    for k in range(n):
        out[k] = poisson(lam[k], k, step, seed, stream)

@_kernel((_floats, _floats, types.int64, _floats, types.int64))
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
        am = 1.28 / exprel((13.0 - V) / 4.0)
        bm = 1.4 / exprel((V - 40.0) / 5.0)
        ah = 0.128 * exp((17.0 - V) / 18.0)
        bh = 4.0 / (1.0 + exp((40.0 - V) / 5.0))
        an = 0.16 / exprel((15.0 - V) / 5.0)
        bn = 0.5 * exp((10.0 - V) / 40.0)
        m[k] += am * (1.0 - m[k]) - bm * m[k]
        h[k] += ah * (1.0 - h[k]) - bh * h[k]
        n[k] += an * (1.0 - n[k]) - bn * n[k]
"""


@dataclass
class Kernels:
    """Compiled test kernels by the name of the function they call."""

    module: object

    def cfunc(self, name):
        return getattr(self.module, f"kernel_{name}")

    def call(self, name, *args):
        """Call a kernel; arrays go as pointers."""
        run_at(self.cfunc(name).address, *args)


def run_at(address, *args):
    """Call machine code at an address with float64 arrays and integers."""
    kinds = [ctypes.c_void_p if isinstance(a, np.ndarray) else ctypes.c_int64 for a in args]
    values = [a.ctypes.data if isinstance(a, np.ndarray) else a for a in args]
    ctypes.CFUNCTYPE(None, *kinds)(address)(*values)

"""One compiled kernel for each numerical function, from the text that experiments' kernels are made of."""

import ctypes
from dataclasses import dataclass, field
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from snnrun.codegen.compile import ENTRY, compile_kernel, machine_of, optimised
from snnrun.codegen.target import Processor, processor
from snnrun.numerics import arrays
from snnrun.numerics.arithmetic import Math, Precision
from snnrun.numerics.kernel_text import kernel_text

from . import single

UNARY = """absolute arccos arcsin arctan ceil cos cosh exp expm1 exprel floor inverse_exprel log log10 log1p sign sin
sinh sqrt tan tanh""".split()  # noqa: SIM905
BINARY = ["floordiv", "fmod_python", "pow"]
TIMES = ["timestep"]
ELEMENT = ["normal", "uniform"]
FILL = ["fill_normal", "fill_uniform"]

HEAD = """
_doubles = types.pointer(types.float64)
_floats = types.pointer(types.FLOAT)
def _kernel(arguments):
    return entry(types.void(*arguments))
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
    {name}(out, 0, n >> 1 | 1, step, seed, stream)
    {name}(out, n >> 1 | 1, n, step, seed, stream)
""",
}
OTHERS = {
    "part_of_fill_normal": (
        ["fill_normal"],
        """
@_kernel((_floats, types.int64, types.int64, types.int64, types.int64, types.int64))
def kernel_part_of_fill_normal(out, low, high, step, seed, stream):
    fill_normal(out, low, high, step, seed, stream)
""",
    ),
    "part_of_fill_uniform": (
        ["fill_uniform"],
        """
@_kernel((_floats, types.int64, types.int64, types.int64, types.int64, types.int64))
def kernel_part_of_fill_uniform(out, low, high, step, seed, stream):
    fill_uniform(out, low, high, step, seed, stream)
""",
    ),
    "poisson": (
        ["poisson"],
        """
@_kernel((_doubles, _floats, types.int64, types.int64, types.int64, types.int64))
def kernel_poisson(lam, out, n, step, seed, stream):
    for k in range(n):
        out[k] = poisson(lam[k], k, step, seed, stream)
""",
    ),
    "binomial": (
        ["binomial"],
        """
@_kernel((_doubles, _doubles, _floats, types.int64, types.int64, types.int64, types.int64))
def kernel_binomial(trials, p, out, n, step, seed, stream):
    for k in range(n):
        out[k] = binomial(trials[k], p[k], k, step, seed, stream)
""",
    ),
    "count_below": (
        ["count_below"],
        """
@_kernel((_floats, _doubles, types.int64, _floats, types.int64))
def kernel_count_below(u, table, size, out, n):
    for k in range(n):
        out[k] = u[k] + count_below(u[k], table, size)
""",
    ),
    "conversions": (
        ["exp", "pow", "floor"],
        """
@_kernel((_floats, types.int64))
def kernel_conversions(out, k):
    out[0] = exp(k)
    out[1] = pow(k, 2)
    out[2] = exp(k > 2)
    out[3] = floor(select(k > 2, -2.5, k))
""",
    ),
    "gates": (
        ["exp", "exprel"],
        """
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
""",
    ),
}

FLOATS = {Precision.DOUBLE: np.float64, Precision.SINGLE: np.float32}
TWINS = {Precision.DOUBLE: arrays, Precision.SINGLE: single}


KINDS = {"unary": UNARY, "binary": BINARY, "times": TIMES, "element": ELEMENT, "fill": FILL}


@dataclass
class Kernels:
    """Compiled test kernels of one precision and math by the name of the function they call, made when asked for.

    Args:
        precision: Of the kernels' numbers.
        math: Strict or fast.
    """

    precision: Precision
    math: Math
    _made: dict[str, Any] = field(default_factory=dict)

    @property
    def float(self):
        """Type of the kernels' numbers."""
        return FLOATS[self.precision]

    @property
    def twin(self):
        """The same functions for numpy."""
        return TWINS[self.precision]

    def call(self, name, *args):
        """Call a kernel; arrays go as pointers."""
        if name not in self._made:
            self._made[name] = loaded(compile_kernel(self.text(name), processor()))
        run_at(self._made[name].get_function_address(ENTRY), *args)

    def assembly(self, name, processor):
        """The machine code of a kernel for a processor, as text."""
        machine = machine_of(processor)
        return machine.emit_assembly(optimised(self.text(name), machine))

    def text(self, name):
        """The text of a kernel."""
        kind = next((kind for kind, names in KINDS.items() if name in names), None)
        functions, text = OTHERS[name] if kind is None else ([name], TEMPLATES[kind].format(name=name))
        head = HEAD.replace("FLOAT", FLOATS[self.precision].__name__)
        return kernel_text(functions, self.precision, self.math) + head + text


PLAINEST = Processor("", "")  # of this architecture
AVX2 = Processor("haswell", "")  # for tests that count instructions: the same on every machine
HOST = Processor(llvm.get_host_cpu_name(), "")


def loaded(code):
    """Machine code loaded as the engine loads it."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine_of(PLAINEST))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def run_at(address, *args):
    """Call machine code at an address with arrays and integers."""
    kinds = [ctypes.c_void_p if isinstance(a, np.ndarray) else ctypes.c_int64 for a in args]
    values = [a.ctypes.data if isinstance(a, np.ndarray) else a for a in args]
    ctypes.CFUNCTYPE(None, *kinds)(address)(*values)

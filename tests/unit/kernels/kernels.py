"""Compiled kernels of the numerical functions, made as those of experiments are: text, numba, LLVM."""

from dataclasses import dataclass
from functools import cache, cached_property

import llvmlite.binding as llvm
import numpy as np

from snnrun.codegen.compile import ADVANCE, machine_of, optimised
from snnrun.codegen.imports import imported
from snnrun.codegen.load import loaded
from snnrun.codegen.native import NativeKernel
from snnrun.codegen.target import Processor
from snnrun.kernels import arrays
from snnrun.kernels.arithmetic import Math, Precision

from . import single

UNARY = """absolute arccos arcsin arctan ceil cos cosh exp expm1 exprel floor inverse_exprel log log10 log1p sign sin
sinh sqrt tan tanh""".split()  # noqa: SIM905
BINARY = ["floordiv", "fmod_python", "pow"]
TIMES = ["timestep"]
ELEMENT = ["normal", "uniform"]
FILL = ["fill_normal", "fill_uniform"]

UNARY_LOOP = """
def run_{name}(n, q, table):
    x, out = real(table, 1), real(table, 2)
    for k in range(n):
        out[k] = {name}(x[k])
"""
BINARY_LOOP = """
def run_{name}(n, q, table):
    x, y, out = {kind}(table, 1), {kind}(table, 2), real(table, 3)
    for k in range(n):
        out[k] = {name}(x[k], y[k])
"""
ELEMENT_LOOP = """
def run_{name}(n, q, table):
    out = real(table, 1)
    for k in range(n):
        out[k] = {name}(k, q[1], q[2], q[3])
"""
FILLING = """
def run_{name}(n, q, table):
    out = real(table, 1)
    {name}(q[1], 0, n >> 1 | 1, q[2], q[3], out)
    {name}(q[1], n >> 1 | 1, n, q[2], q[3], out)
"""
PART = """
def run_part_of_{name}(low, q, table):
    {name}(q[2], low, q[1], q[3], q[4], real(table, 1))
"""
OTHERS = {
    "poisson": """
def run_poisson(n, q, table):
    lam, out = f64(table, 1), real(table, 2)
    for k in range(n):
        out[k] = poisson(lam[k], k, q[1], q[2], q[3])
""",
    "binomial": """
def run_binomial(n, q, table):
    trials, p, out = f64(table, 1), f64(table, 2), real(table, 3)
    for k in range(n):
        out[k] = binomial(trials[k], p[k], k, q[1], q[2], q[3])
""",
    "count_below": """
def run_count_below(n, q, table):
    u, thresholds, out = real(table, 1), f64(table, 2), real(table, 3)
    for k in range(n):
        out[k] = u[k] + count_below(u[k], thresholds, q[1])
""",
    "gates": """
def run_gates(count, q, table):
    v, m, n, h = real(table, 1), real(table, 2), real(table, 3), real(table, 4)
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
""",
}
LOOPS = {
    **{name: UNARY_LOOP.format(name=name) for name in UNARY},
    **{name: BINARY_LOOP.format(name=name, kind="real") for name in BINARY},
    **{name: BINARY_LOOP.format(name=name, kind="f64") for name in TIMES},
    **{name: ELEMENT_LOOP.format(name=name) for name in ELEMENT},
    **{name: FILLING.format(name=name) for name in FILL},
    **{f"part_of_{name}": PART.format(name=name) for name in FILL},
    **OTHERS,
}
NAMES = list(LOOPS)
FLOATS = {Precision.DOUBLE: np.float64, Precision.SINGLE: np.float32}
TWINS = {Precision.DOUBLE: arrays, Precision.SINGLE: single}
PLAINEST = Processor("", "")  # of this architecture
AVX2 = Processor("haswell", "")  # for tests that count instructions: the same on every machine
HOST = Processor(llvm.get_host_cpu_name(), "")


class Memory(dict):
    """Lowered functions, for one process: each is lowered once, however many kernels need it."""

    put = dict.__setitem__


LOWERED = Memory()


def text_of(names, precision, math):
    """The text of a module whose `advance` runs the loop of a number, that many times; the table holds its arrays."""
    single = precision is Precision.SINGLE
    mark = f"\n@kernel(reorder=True, single={single})"
    lines = [mark + LOOPS[name] for name in names]
    lines += ["\n@kernel()\ndef advance(first, n_steps, table):\n    q = i64(table, 0)\n"]
    for number, name in enumerate(names):
        lines += [f"    if first == {number}:\n        run_{name}(n_steps, q, table)\n"]
    text = "".join([*lines, "    return n_steps\n"]).replace("real(", "f32(" if single else "f64(")
    return "\n".join([*imported(text, precision, math), text])


@dataclass(frozen=True)
class Kernels:
    """The loops of one precision and math in one compiled kernel, made when first asked for.

    Args:
        precision: Of the kernels' numbers.
        math: Strict or fast.
        target: The processor.
        names: Which loops.
    """

    precision: Precision
    math: Math
    target: Processor
    names: tuple[str, ...] = tuple(NAMES)

    @property
    def float(self):
        """Type of the kernels' numbers."""
        return FLOATS[self.precision]

    @property
    def twin(self):
        """The same functions for numpy."""
        return TWINS[self.precision]

    def call(self, name, *args):
        """Run a loop.

        Args:
            name: Of the loop.
            args: Its arrays, then how many times it is run, then what other whole numbers it needs.
        """
        given = [a for a in args if isinstance(a, np.ndarray)]
        n, *rest = (a for a in args if not isinstance(a, np.ndarray))
        q = np.array([0, *rest], np.int64)
        table = np.array([a.ctypes.data for a in [q, *given]], np.int64)
        self._kernel.advance(self.names.index(name), n, table)

    @cached_property
    def module(self):
        """LLVM's optimised module."""
        text = text_of(self.names, self.precision, self.math)
        return optimised(loaded(text).advance, ADVANCE, machine_of(self.target), self.math, LOWERED)

    @cached_property
    def assembly(self):
        """The machine code as text."""
        return machine_of(self.target).emit_assembly(llvm.parse_assembly(str(self.module)))

    @cached_property
    def _kernel(self):
        return NativeKernel(bytes(machine_of(self.target).emit_object(llvm.parse_assembly(str(self.module)))))


@cache
def alone(precision, math, target, name):
    """One loop as a kernel of its own."""
    return Kernels(precision, math, target, (name,))

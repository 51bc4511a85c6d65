"""The state update of Hodgkin-Huxley neurons is packed arithmetic, on every kind of vector registers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm
import pytest

from snnrun.codegen.kernel import generate
from snnrun.running import pipeline

EXPERIMENT = Path(__file__).resolve().parents[3] / "experiments" / "benchmarks" / "cobahh.yaml"
# In a process of its own, where LLVM is asked for text instead of machine code; the rest is what a run does.
COMPILE = """
import sys
from pathlib import Path
from snnrun.codegen.compile import ADVANCE, machine_of, optimised
from snnrun.codegen.load import loaded
from snnrun.codegen.target import Processor
from snnrun.kernels.arithmetic import Math

machine = machine_of(Processor(sys.argv[2], sys.argv[3]))
advance = loaded(Path(sys.argv[1]).read_text()).advance
sys.stdout.write(machine.emit_assembly(optimised(advance, ADVANCE, machine, Math.STRICT)))
"""
EXPONENTIALS, DIVISIONS = 10, 8  # of one neuron and step: 7 exprel and 3 exp; 7 in exprel, one sigmoid
FUSED = 14 * EXPONENTIALS  # what the texts of exp, exprel and its inverse fuse


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kernel") / "cobahh.py"
    network = pipeline.check(pipeline.read(EXPERIMENT)).resolved.network
    path.write_text(generate(network).text)
    return path


def operations(assembly: str, name: str, register: str) -> int:
    return len(re.findall(rf"^\s{name}\s.*%{register}mm", assembly, re.MULTILINE))


def spills(assembly: str, move: str, register: str) -> int:
    """How many vectors one kind of move takes to the stack or back."""
    stack, vector = r"[^%\n]*\(%r[sb]p\)", rf"%{register}mm\d+"
    return len(re.findall(rf"^\sv?mov(?:{move})\s(?:{stack}, {vector}|{vector}, {stack})$", assembly, re.MULTILINE))


@pytest.mark.skipif(not llvm.get_default_triple().startswith("x86_64"), reason="reads x86 assembly")
@pytest.mark.parametrize(
    ("processor", "features", "register"),
    [("skylake-avx512", "-prefer-256-bit", "z"), ("haswell", "", "y"), ("x86-64", "", "x")],
)
def test_hodgkin_huxley_neurons_are_updated_in_packed_arithmetic(
    source: Path, processor: str, features: str, register: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMPILE, source, processor, features],
        capture_output=True,
        text=True,
        check=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("NUMBA")},
    )
    assembly = done.stdout
    assert operations(assembly, "v?divpd", register) == DIVISIONS  # rates are products with the inverse of exprel
    fused = operations(assembly, r"vfn?m(?:add|sub)\d+pd", register)
    # every exponential has at least ten products (reduction of the argument and polynomial)
    packed = operations(assembly, "v?mulpd", register) + fused
    assert packed >= 10 * EXPONENTIALS
    # the remainder of the loop, a few neurons, is scalar: at most one scalar operation for each packed one
    scalar = len(re.findall(r"^\sv?(?:mul|fn?m(?:add|sub)\d+)sd\s", assembly, re.MULTILINE))
    assert scalar <= 1.1 * packed
    # strict math: products and sums of equations are rounded one by one, on every processor
    assert fused == (0 if processor == "x86-64" else FUSED)
    # what goes to the stack and back is aligned: a vector of 64 bytes would else lie in two lines of the cache
    aligned, anywhere = spills(assembly, "ap[ds]|dqa(?:64)?", register), spills(assembly, "up[ds]|dqu(?:64)?", register)
    assert aligned > 20
    assert anywhere == 0
    called = set(re.findall(r"^\s(?:callq?|jmpq?)\s+\*?([A-Za-z_][\w.$]*)", assembly, re.MULTILINE))
    called |= set(re.findall(r"([A-Za-z_][\w.$]*)@(?:PLT|GOTPCREL)", assembly))
    defined = set(re.findall(r"^([\w.$]+):", assembly, re.MULTILINE))
    assert "snnrun_advance" in defined
    assert called - defined <= {"memset", "memcpy", "memmove"}

"""Kernels that Python runs as they stand (`NUMBA_DISABLE_JIT`) do what compiled ones do, bit for bit."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from networks import NETWORKS
from running import native, network_of

from snnrun.codegen.arguments import ArrayUse, Lifetime
from snnrun.codegen.kernel import generate
from snnrun.codegen.native import PythonKernel
from snnrun.engine.build import build
from snnrun.engine.driver import Simulation
from snnrun.engine.recording import Memory
from snnrun.model.network import Network

SHORT = {
    "phases": (),
    "events": ("run.phases.0.duration=1 ms", "run.phases.1.duration=1 ms"),
}  # whose time is that of its phases


def run(network: Network, *, compiled: bool) -> tuple[Memory, Simulation]:
    """Run a network; whatever is no part of the state stays as it was built."""
    kernel = generate(network)
    memory = Memory()
    built = build(network, kernel)
    simulation = Simulation(built, native(kernel) if compiled else PythonKernel(kernel.text), memory)
    fixed = {key: array.copy() for key, array in built.arrays.items() if key.use.traits.lifetime is Lifetime.FIXED}
    fixed |= {k: a.copy() for k, a in built.arrays.items() if k.use is ArrayUse.VARIABLE and not built.changes(k)}
    simulation.run()
    for key, array in fixed.items():
        if key.use not in (ArrayUse.NUMBERS, ArrayUse.SIZES, ArrayUse.BINOMIAL):  # a phase has others
            np.testing.assert_array_equal(built.arrays[key], array, err_msg=key.text)
    return memory, simulation


def flat(memory: Memory) -> dict[str, np.ndarray]:
    """All that was recorded, by name."""
    found: dict[str, np.ndarray] = {}

    def take(name: str, value: object) -> None:
        if isinstance(value, dict):
            for key, part in value.items():
                take(f"{name}.{key}", part)
        elif isinstance(value, list | tuple):
            for key, part in enumerate(value):
                take(f"{name}.{key}", part)
        elif isinstance(value, np.ndarray):
            found[name] = value

    take("memory", asdict(memory))
    return found


@pytest.mark.parametrize(
    ("name", "precision"),
    [*((name, "double") for name in NETWORKS), *((name, "single") for name in ("methods", "noise", "pathways"))],
)
def test_python_and_numba_agree(name: str, precision: str) -> None:
    overrides = [f"run.precision={precision}", *SHORT.get(name, ("run.duration=3 ms",))]
    network = network_of(NETWORKS[name], *overrides)
    (plain, interpreted), (fast, compiled) = (run(network, compiled=compiled) for compiled in (False, True))
    recorded = flat(fast)
    assert recorded
    assert flat(plain).keys() == recorded.keys()
    for key, values in recorded.items():
        np.testing.assert_array_equal(flat(plain)[key], values, err_msg=key)
    for key, array in compiled.built.state.items():
        np.testing.assert_array_equal(interpreted.built.arrays[key], array, err_msg=key.text)

"""Kernels that Python runs as they stand (`NUMBA_DISABLE_JIT`) do what compiled ones do, bit for bit."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from networks import NETWORKS
from running import native, network_of

from snnrun.codegen.kernel import generate
from snnrun.codegen.native import PythonKernel
from snnrun.engine.build import build
from snnrun.engine.driver import Simulation
from snnrun.engine.recording import Memory
from snnrun.model.network import Network

SHORT = {"phases": ()}  # whose time is that of its phases


def run(network: Network, *, compiled: bool) -> tuple[Memory, Simulation]:
    kernel = generate(network)
    memory = Memory()
    simulation = Simulation(build(network, kernel), native(kernel) if compiled else PythonKernel(kernel.text), memory)
    simulation.run()
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
    for slot in compiled.built.kernel.written:
        mine, other = (simulation.built.arrays[slot] for simulation in (interpreted, compiled))
        np.testing.assert_array_equal(mine, other, err_msg=f"{slot.owner}.{slot.name}")

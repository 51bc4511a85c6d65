"""A kernel that measures its stages computes the same bits, and what it measures adds up."""

from __future__ import annotations

import re

import numpy as np
import pytest
from networks import NETWORKS
from running import network_of

from snnrun.codegen.arguments import RUN, ArrayUse
from snnrun.codegen.kernel import generate
from snnrun.codegen.native import PythonKernel
from snnrun.engine.build import build
from snnrun.engine.driver import Simulation
from snnrun.engine.recording import Memory
from snnrun.engine.stopwatch import Work

MANY = """
groups:
""" + "\n".join(
    f'  g{k}: {{size: 2, equations: "dv/dt = ({k} + 2 - v{"**2" if k % 2 else ""})/(9*ms) : 1", method: euler,'
    " threshold: v > 1, reset: v = 0}"
    for k in range(7)
)
MANY += "\nmonitors: {s: {kind: spikes, source: g3}}\nrun: {duration: 1 ms, dt: 0.1 ms}\n"


def run(text, *, profiled, overrides=()):
    """What a run in plain Python recorded, and its simulation."""
    network = network_of(text, *overrides)
    kernel, memory = generate(network, profiled=profiled), Memory()
    simulation = Simulation(build(network, kernel), PythonKernel(kernel.text), memory)
    simulation.run()
    return memory, simulation


def same_end(a, b):
    """Whether two runs ended in the same state."""
    one, other = a.built.state, b.built.state
    assert one.keys() == other.keys()
    for key, array in one.items():
        np.testing.assert_array_equal(array, other[key], err_msg=key.text)


@pytest.mark.parametrize("name", ["events", "pathways", "plasticity", "inputs"])
def test_it_computes_the_same_bits(name):
    short = ("run.phases.0.duration=1 ms", "run.phases.1.duration=1 ms") if name == "events" else ("run.duration=1 ms",)
    (_, plain), (_, profiled) = (run(NETWORKS[name], profiled=p, overrides=short) for p in (False, True))
    same_end(plain, profiled)


def test_every_line_of_a_step_belongs_to_a_stage():
    kernel = generate(network_of(NETWORKS["pathways"]), profiled=True)
    step = kernel.text[kernel.text.index("def advance") :]
    calls = re.findall(r"^        (?:    )*(\w+)\(", step, re.MULTILINE)
    assert len(calls) > 5
    for call, following in re.findall(r"^        (?:    )*(\w+)\([^)]*\)\n([^\n]*)", step, re.MULTILINE):
        assert "clock = add_lap(laps, " in following, call
    assert all(about for about, _ in kernel.laps[1:])


def test_a_long_step_in_pieces_is_measured_too(monkeypatch):
    monkeypatch.setattr("snnrun.codegen.kernel.MANY", 4)
    (a, plain), (b, profiled) = (run(MANY, profiled=p) for p in (False, True))
    same_end(plain, profiled)
    assert "def piece_0" in profiled.built.kernel.text
    assert a.spike_steps("s")[0].tolist() == b.spike_steps("s")[0].tolist()
    ticks = profiled.built.arrays[ArrayUse.LAPS.of(RUN)][0][: len(profiled.built.kernel.laps)]
    assert np.all(ticks[1:] > 0)
    assert ticks.sum() * 1e-9 <= profiled.stopwatch.seconds[Work.KERNEL]


def test_without_a_profile_no_clock_is_read():
    kernel = generate(network_of(MANY))
    assert kernel.laps == ()
    assert "lap" not in kernel.text
    assert "ticks" not in kernel.text

"""Flags in the equations of synapses: one value for all of them, and values that stay as they are over a step."""

from __future__ import annotations

import numpy as np
from running import network_of, run_network

TEXT = """
groups: {a: {size: 3, equations: "x : 1", initial: {x: i}}}
synapses:
  s:
    source: a
    target: a
    equations: |
      ds/dt = 1/second : 1 (shared, clock-driven)
      twice = 2*s : 1 (shared)
      r = rand() : 1 (constant over dt)
      same = r - r : 1
      dy/dt = (r + x_pre)/second : 1 (clock-driven)
    method: euler
    connect: all
    initial: {s: 5, y: s}
monitors: {m: {kind: state, source: s, variables: [s, twice, r, same, y]}}
run: {duration: 40 ms, dt: 1 ms}
"""


def test_a_shared_variable_of_synapses_is_one_value_that_its_own_equation_changes() -> None:
    memory, built = run_network(network_of(TEXT))
    expected = 5 + 0.001 * np.arange(40)
    np.testing.assert_allclose(memory.state("m", "s"), np.broadcast_to(expected[:, None], (40, 9)), rtol=1e-12)
    np.testing.assert_allclose(memory.state("m", "twice"), 2 * memory.state("m", "s"))
    assert [len(a) for k, a in built.arrays.items() if (k.owner, k.name) == ("synapses.s", "s")] == [1]


def test_what_is_constant_over_dt_is_drawn_once_a_step_for_each_synapse() -> None:
    memory, _ = run_network(network_of(TEXT))
    r = memory.state("m", "r")
    assert not memory.state("m", "same").any()
    assert len(np.unique(r)) == r.size
    # the equation reads the value of its step, which the monitor has recorded
    grown = 5 + 0.001 * np.cumsum(r + np.repeat(np.arange(3), 3), axis=0)
    np.testing.assert_allclose(memory.state("m", "y")[1:], grown[:-1], rtol=1e-12)

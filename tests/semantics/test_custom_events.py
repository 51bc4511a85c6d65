"""Custom events of groups: when they happen, in which order their statements run, what they leave for other runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from running import network_of, run_network, simulation_of

COUNTED = """
groups:
  osc:
    size: 70
    equations: |
      dx/dt = y/(3*ms) : 1
      dy/dt = -x/(3*ms) : 1
      hits : integer
    initial: {x: 0.1*i, y: 1 - 0.1*i}
    events: {up: {condition: x > 0.5 and y > 0, do: hits += 1}}
    subgroups: {mid: "2:6"}
  out: {size: 3, equations: "g : 1"}
synapses:
  s: {source: osc.mid, target: out, connect: {where: i % 3 == j}, on_pre: {do: g_post += 1, event: up, delay: 0.1*ms*(j + 1)}}
monitors:
  x: {kind: state, source: osc, variables: [x, y], when: end}
  hits: {kind: state, source: osc, variables: [hits], when: end}
  g: {kind: state, source: out, variables: [g], when: end}
  up: {kind: events, source: osc, event: up, variables: [x, hits]}
  some: {kind: events, source: osc.mid, event: up, indices: [3, 1], window: [2 ms, 9 ms]}
run: {duration: 15 ms, dt: 0.1 ms}
"""  # noqa: E501 - lines of an experiment file


@pytest.mark.parametrize(("most", "threads"), [(None, 1), (1, 1), (7, 3), (None, 2)])
def test_every_neuron_for_which_the_condition_holds_has_the_event_in_each_step(most: int | None, threads: int) -> None:
    memory, built = run_network(replace(network_of(COUNTED), threads=threads), most)
    x, y = memory.state("x", "x"), memory.state("x", "y")
    holds = (x > 0.5) & (y > 0)
    steps, ids = np.nonzero(holds)
    assert len(steps) > 1000
    before = np.cumsum(holds, axis=0) - holds
    np.testing.assert_array_equal(memory.spike_steps("up"), (steps, ids))
    np.testing.assert_array_equal(memory.extra("up", "x"), x[steps, ids])
    np.testing.assert_array_equal(memory.extra("up", "hits"), before[steps, ids])  # before its own statement
    np.testing.assert_array_equal(memory.state("hits", "hits"), np.cumsum(holds, axis=0))
    np.testing.assert_array_equal(built.counts("up"), holds.sum(axis=0))
    kept = np.isin(ids, [3, 5]) & (steps >= 20) & (steps < 90)
    np.testing.assert_array_equal(memory.spike_steps("some"), (steps[kept], ids[kept]))


def test_a_pathway_brings_the_events_of_a_subgroup_after_its_delay() -> None:
    memory = run_network(network_of(COUNTED))[0]
    holds = (memory.state("x", "x") > 0.5) & (memory.state("x", "y") > 0)
    arrived = np.zeros((150, 3))
    for i in range(4):
        j = i % 3
        arrived[j + 1 :, j] += np.cumsum(holds[:, 2 + i])[: 150 - (j + 1)]
    np.testing.assert_array_equal(memory.state("g", "g"), arrived)


@pytest.mark.parametrize("at", [1, 40, 77])
def test_events_on_their_way_are_part_of_the_state(at: int) -> None:
    whole = run_network(network_of(COUNTED))[0]
    first, _ = simulation_of(network_of(COUNTED))
    states = {}
    first.run(lambda step: states.setdefault(step, first.state() if step == at else {}), most=1)
    second, memory = simulation_of(network_of(COUNTED))
    second.restore(states[at], at)
    second.run()
    np.testing.assert_array_equal(memory.state("g", "g"), whole.state("g", "g")[at:])


ORDER = """
groups:
  a:
    size: 1
    equations: "x : 1\\ny : 1"
    threshold: t_in_timesteps == 2
    reset: x = 10*x + 1
    events:
      late: {condition: t_in_timesteps >= 2, do: x = 10*x + 2, order: 1}
      first: {condition: t_in_timesteps == 2, do: x = 10*x + 3, order: -1}
      same: {condition: t_in_timesteps == 2, do: x = 10*x + 4}
monitors:
  m: {kind: state, source: a, variables: [x], when: end}
run: {duration: 0.4 ms, dt: 0.1 ms}
"""


def test_statements_run_by_order_then_after_the_reset_as_in_the_file() -> None:
    memory = run_network(network_of(ORDER))[0]
    np.testing.assert_array_equal(memory.state("m", "x")[:, 0], [0, 0, 3142, 31422])


def test_a_time_constant_that_only_an_event_changes_is_no_constant() -> None:
    memory = run_network(
        network_of("""
groups:
  a:
    size: 1
    equations: "dv/dt = -v/taum : 1\\ntaum : second"
    method: exact
    initial: {v: 1, taum: 1 ms}
    events: {half: {condition: t >= 1*ms and t < 1.05*ms, do: taum = 4*ms}}
monitors:
  m: {kind: state, source: a, variables: [v], when: end}
run: {duration: 3 ms, dt: 0.1 ms}
""")
    )[0]
    t = 0.1 * np.arange(1, 31)
    expected = np.exp(-np.minimum(t, 1.1) - np.maximum(t - 1.1, 0) / 4)
    np.testing.assert_allclose(memory.state("m", "v")[:, 0], expected, rtol=1e-12)

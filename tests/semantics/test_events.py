"""Monitors of `kind: events`: when a condition becomes true, against the samples of a state monitor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from running import network_of, run_network, simulation_of

from snnrun.results.reader import Results
from snnrun.running import pipeline
from snnrun.running.options import RunOptions

TEXT = """
groups:
  osc:
    size: 7
    equations: |
      dx/dt = y/(3*ms) : 1
      dy/dt = -x/(3*ms) : 1
      slope = y*(1 + i) : 1
    initial: {x: 0.2*i, y: 1 - 0.1*i}
    subgroups: {mid: "2:6"}
monitors:
  s: {kind: state, source: osc, variables: [x, slope], when: end}
  all: {kind: events, source: osc, condition: x > 0.5, variables: [x, slope]}
  part: {kind: events, source: osc.mid, condition: x > 0.5 and i > 0, indices: [3, 1, 0], window: [22 ms, 45 ms]}
run: {duration: 50 ms, dt: 0.1 ms}
"""


def became(holds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps and neurons at which conditions, shape (steps, neurons), hold and did not before."""
    before = np.vstack([np.zeros_like(holds[:1]), holds[:-1]])
    return np.nonzero(holds & ~before)


@pytest.mark.parametrize(("most", "threads"), [(None, 1), (1, 1), (7, 3), (None, 2)])
def test_events_are_where_a_condition_becomes_true(most: int | None, threads: int) -> None:
    memory, built = run_network(replace(network_of(TEXT), threads=threads), most)
    x, slope = memory.state("s", "x"), memory.state("s", "slope")
    steps, ids = became(x > 0.5)
    assert len(steps) > 15
    assert steps[0] == 0  # some neurons begin above
    np.testing.assert_array_equal(memory.spike_steps("all"), (steps, ids))
    np.testing.assert_array_equal(memory.extra("all", "x"), x[steps, ids])
    np.testing.assert_array_equal(memory.extra("all", "slope"), slope[steps, ids])
    np.testing.assert_array_equal(built.counts("all"), np.bincount(ids, minlength=7))


@pytest.mark.parametrize("most", [None, 1, 9])
def test_a_condition_that_held_before_the_window_is_no_event_at_its_beginning(most: int | None) -> None:
    memory = run_network(network_of(TEXT), most)[0]
    x = memory.state("s", "x")
    assert (x[219:221] > 0.5).all(axis=0).any()
    steps, ids = became(x > 0.5)
    kept = np.isin(ids, [5, 3]) & (steps >= 220) & (steps < 450)  # of 5, 3 and 2, all but the first of the subgroup
    assert kept.any()
    np.testing.assert_array_equal(memory.spike_steps("part"), (steps[kept], ids[kept]))


def test_a_condition_sees_values_before_the_reset() -> None:
    memory = run_network(
        network_of("""
groups:
  g: {size: 2, equations: "dv/dt = 1/ms : 1", threshold: v > 1 + i, reset: v = 0, initial: {v: 0.05}}
monitors:
  spikes: {kind: spikes, source: g}
  above: {kind: events, source: g, condition: v > 1 + i}
run: {duration: 30 ms, dt: 0.1 ms}
""")
    )[0]
    assert len(memory.spike_steps("spikes")[0]) > 30
    np.testing.assert_array_equal(memory.spike_steps("above"), memory.spike_steps("spikes"))


@pytest.mark.parametrize("at", [1, 130, 377])
def test_what_held_before_is_part_of_the_state(at: int) -> None:
    whole = run_network(network_of(TEXT))[0]
    first, _ = simulation_of(network_of(TEXT))
    states = {}
    first.run(lambda step: states.setdefault(step, first.state() if step == at else {}), most=1)
    second, memory = simulation_of(network_of(TEXT))
    second.restore(states[at], at)
    second.run()
    steps, ids = whole.spike_steps("all")
    np.testing.assert_array_equal(memory.spike_steps("all"), (steps[steps >= at], ids[steps >= at]))


def test_metrics_and_rasters_take_events_as_spikes(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    more = "metrics: {n: count(all), first: first_spike(part)}\nplots: [{kind: raster, monitor: all}]\n"
    path.write_text(f"version: 1\nname: x\n{TEXT}{more}", encoding="utf-8")
    outcome = pipeline.run(pipeline.check(pipeline.read(path)), tmp_path, RunOptions(plots=False))
    memory = run_network(network_of(TEXT))[0]
    steps = [memory.spike_steps(name)[0] for name in ("all", "part")]
    assert outcome.metrics["n"][0] == len(steps[0])
    assert outcome.metrics["first"][0] == pytest.approx(steps[1][0] * 1e-4)
    with Results.open(outcome.folder) as results:
        spikes = results.spikes("all")
    np.testing.assert_allclose(spikes.times_s, steps[0] * 1e-4, rtol=1e-12)
    np.testing.assert_array_equal(spikes.extras["x"], memory.extra("all", "x"))

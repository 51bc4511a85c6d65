"""Monitors of events at synapses: what they find there, against samples of state monitors, and how it is stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from running import network_of, run_network, simulation_of

from snnrun.connect import builder
from snnrun.engine import monitors
from snnrun.errors import ExperimentError
from snnrun.results.difference import first_difference
from snnrun.results.reader import Results
from snnrun.running import pipeline
from snnrun.running.options import RunOptions

TEXT = """
groups:
  pre: {size: 70, equations: "dv/dt = (0.9 + 0.02*i)/ms : 1", threshold: v > 1, reset: v = 0, initial: {v: 0.01*i}}
  post: {size: 5, equations: "du/dt = (1 + 0.2*i - u)/(2*ms) : 1", threshold: u > 0.5, reset: u = 0}
synapses:
  stdp:
    source: pre
    target: post
    equations: |
      w : 1
      dapre/dt = -apre/(4*ms) : 1 (event-driven)
      dapost/dt = -apost/(5*ms) : 1 (event-driven)
      both = w + apre : 1
    connect: {where: (i + j) % 2 == 0}
    initial: {w: 0.01*(i + 0.5*j)}
    on_pre: {do: "u_post += 0.002*w; apre += 0.1; w = clip(w + apost, 0, 1)", delay: 0.1*ms*(i + j)}
    on_post: {do: "apost -= 0.11; w = clip(w + apre, 0, 1)", delay: 0.2 ms}
monitors:
  pres: {kind: spikes, source: pre}
  posts: {kind: spikes, source: post}
  before: {kind: state, source: stdp, variables: [w, apre, apost, both], when: synapses, order: -2}
  between: {kind: state, source: stdp, variables: [w, apre, apost], when: synapses}
  u: {kind: state, source: post, variables: [u], when: synapses, order: -2}
  v: {kind: state, source: pre, variables: [v], when: synapses}
  at_pre: {kind: events, source: stdp, event: on_pre, variables: [w, apre, apost, both, u_post]}
  at_post: {kind: events, source: stdp, event: on_post, variables: [w, apre, v_pre]}
  some: {kind: events, source: stdp, event: on_pre, variables: [w], indices: j == 3 and i < 10, window: [3 ms, 9 ms]}
run: {duration: 12 ms, dt: 0.1 ms}
"""


def arrivals(steps: np.ndarray, ids: np.ndarray, ends: np.ndarray, delays: np.ndarray) -> list[tuple[int, int]]:
    """Step and synapse of all that arrives in the run: oldest spikes first, then by neuron, then as created."""
    found = []
    for step, neuron in zip(steps, ids, strict=True):
        found += [(step + delays[k], -delays[k], neuron, k) for k in np.flatnonzero(ends == neuron)]
    return [(step, k) for step, _, _, k in sorted(found) if step < 120]


@pytest.mark.parametrize(
    ("most", "threads", "room", "compiled"),
    [(None, 1, None, False), (1, 1, None, False), (7, 3, 1, False), (None, 2, 1, False), (None, 2, None, True)],
)
def test_values_are_those_before_the_pathway_acts_in_the_step(
    most: int | None, threads: int, room: int | None, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if room is not None:
        monkeypatch.setattr(monitors, "SPIKE_BUFFER", room)  # the kernel ends calls before its buffers are full
    if compiled:
        monkeypatch.setattr(builder, "WORTH_IT", 0)
    memory, built = run_network(replace(network_of(TEXT), threads=threads), most)
    i, j = np.array([(i, j) for i in range(70) for j in range(5) if (i + j) % 2 == 0]).T
    expected = {
        "at_pre": arrivals(*memory.spike_steps("pres"), i, i + j),
        "at_post": arrivals(*memory.spike_steps("posts"), j, np.full(len(j), 2)),
    }
    for name, moment in (("at_pre", "before"), ("at_post", "between")):
        steps, ids = np.array(expected[name]).T
        assert len(steps) > 500
        np.testing.assert_array_equal(memory.spike_steps(name), (steps, ids))
        for variable in ("w", "apre", "apost", "both") if name == "at_pre" else ("w", "apre"):
            np.testing.assert_array_equal(memory.extra(name, variable), memory.state(moment, variable)[steps, ids])
        assert built.counts(name).tolist() == [len(steps)]
    steps, ids = memory.spike_steps("at_pre")
    np.testing.assert_array_equal(memory.extra("at_pre", "u_post"), memory.state("u", "u")[steps, j[ids]])
    kept = (j[ids] == 3) & (i[ids] < 10) & (steps >= 30) & (steps < 90)
    assert kept.sum() > 20
    np.testing.assert_array_equal(memory.spike_steps("some"), (steps[kept], ids[kept]))
    np.testing.assert_array_equal(memory.extra("some", "w"), memory.extra("at_pre", "w")[kept])
    steps, ids = memory.spike_steps("at_post")
    np.testing.assert_array_equal(memory.extra("at_post", "v_pre"), memory.state("v", "v")[steps, i[ids]])


@pytest.mark.parametrize("at", [1, 61])
def test_what_is_on_its_way_is_recorded_after_a_checkpoint(at: int) -> None:
    whole = run_network(network_of(TEXT))[0]
    first, _ = simulation_of(network_of(TEXT))
    states = {}
    first.run(lambda step: states.setdefault(step, first.state() if step == at else {}), most=1)
    second, memory = simulation_of(network_of(TEXT))
    second.restore(states[at], at)
    second.run()
    steps, ids = whole.spike_steps("at_pre")
    np.testing.assert_array_equal(memory.spike_steps("at_pre"), (steps[steps >= at], ids[steps >= at]))
    np.testing.assert_array_equal(memory.extra("at_pre", "apre"), whole.extra("at_pre", "apre")[steps >= at])


PAIR = """
groups:
  pre: {kind: spikes, size: 1, indices: [0, 0], times: [5 ms, 25 ms]}
  post: {kind: spikes, size: 1, indices: [0, 0], times: [12 ms, 21 ms]}
synapses:
  stdp:
    source: pre
    target: post
    equations: "w : 1\\ndapre/dt = -apre/(20*ms) : 1 (event-driven)\\ndapost/dt = -apost/(20*ms) : 1 (event-driven)"
    connect: all
    on_pre: apre += 1; w = w + apost
    on_post: apost -= 1.05; w = w + apre
    delay: 2 ms
monitors:
  at_pre: {kind: events, source: stdp, event: on_pre, variables: [w, apost]}
  at_post: {kind: events, source: stdp, event: on_post, variables: [w, apre]}
run: {duration: 40 ms, dt: 0.1 ms}
"""


def test_traces_at_spikes_are_those_of_theory() -> None:
    memory = run_network(network_of(PAIR))[0]
    f = np.exp(-np.array([5, 14, 6, 15]) / 20)  # from the spike at 7 ms to 12 and 21, from 21 and 12 to 27
    np.testing.assert_array_equal(memory.spike_steps("at_pre")[0], [70, 270])
    np.testing.assert_array_equal(memory.spike_steps("at_post")[0], [120, 210])
    np.testing.assert_allclose(memory.extra("at_post", "apre"), f[:2], rtol=1e-12)
    np.testing.assert_allclose(memory.extra("at_post", "w"), [0, f[0]], rtol=1e-12)
    np.testing.assert_allclose(memory.extra("at_pre", "apost"), [0, -1.05 * (f[2] + f[3])], rtol=1e-12)
    np.testing.assert_allclose(memory.extra("at_pre", "w"), [0, f[0] + f[1]], rtol=1e-12)


def test_results_hold_time_synapse_neurons_and_values(tmp_path: Path) -> None:
    outcomes = {}
    others = {"y": PAIR, "z": PAIR.replace("connect: all", "connect: all\n    initial: {w: 0.25}")}
    for name, text in {"x": f"{TEXT}metrics: {{n: count(at_pre), late: count(some)}}\n", **others}.items():
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"version: 1\nname: x\n{text}", encoding="utf-8")
        outcomes[name] = pipeline.run(pipeline.check(pipeline.read(path)), tmp_path, RunOptions(plots=False))
    memory = run_network(network_of(TEXT))[0]
    for name, monitor in (("n", "at_pre"), ("late", "some")):
        assert outcomes["x"].metrics[name][0] == outcomes["x"].counts[monitor] == len(memory.spike_steps(monitor)[0])
    with Results.open(outcomes["x"].folder) as results:
        found = results.synapse_events("at_pre")
        steps, ids = memory.spike_steps("at_pre")
        i, j = np.array([(i, j) for i in range(70) for j in range(5) if (i + j) % 2 == 0]).T
        np.testing.assert_allclose(found.times_s, steps * 1e-4, rtol=1e-12)
        np.testing.assert_array_equal(found.ids, ids)
        np.testing.assert_array_equal(found.pre, i[ids])
        np.testing.assert_array_equal(found.post, j[ids])
        np.testing.assert_array_equal(found.extras["w"], memory.extra("at_pre", "w"))
        assert results.monitor("at_pre").source == "stdp"
        assert "snnrun/synapse_events/at_pre/w" in {d.name for d in results.digest().datasets}
    with Results.open(outcomes["y"].folder) as one, Results.open(outcomes["z"].folder) as other:
        difference = first_difference(one, other)
    assert difference is not None
    assert (difference.dataset, difference.what) == ("snnrun/synapse_events/at_pre/w", "at an event")
    assert (difference.time, difference.element, difference.a, difference.b) == (7e-3, 0, 0.0, 0.25)


def test_a_pathway_that_never_acts_has_no_events() -> None:
    with pytest.raises(ExperimentError, match="`on_post` of `s` never acts: its group never spikes"):
        network_of("""
groups:
  a: {size: 2, equations: "v : 1", threshold: t > 1*ms}
  b: {size: 2, equations: "v : 1"}
synapses:
  s: {source: a, target: b, connect: all, on_pre: v_post += 1, on_post: v_pre += 1}
monitors:
  m: {kind: events, source: s, event: on_post}
run: {duration: 1 ms, dt: 0.1 ms}
""")


def test_a_recorded_value_that_is_not_finite_is_said_with_its_synapse(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        """
version: 1
name: x
groups:
  a: {kind: spikes, size: 2, indices: [1, 0], times: [1 ms, 2 ms]}
  b: {size: 2, equations: "v : 1"}
synapses:
  s: {source: a, target: b, connect: {i: j}, equations: "w : 1\\ninverse = 1/(w - 2) : 1", on_pre: w = 2}
monitors:
  m: {kind: events, source: s, event: on_pre, variables: [inverse], window: [1.5 ms, 5 ms]}
operations:
  o: {target: s, at: 1.2 ms, do: w = 2}
run: {duration: 5 ms, dt: 0.1 ms}
""",
        encoding="utf-8",
    )
    outcome = pipeline.run(pipeline.check(pipeline.read(path)), tmp_path, RunOptions(plots=False))
    (warning,) = outcome.warnings
    assert warning.code == "RUN310"
    assert "the first is infinite, of synapse 0 at t = 2 ms" in warning.message


AT_ONCE = """
groups:
  src: {kind: poisson, size: 30, rates: 9 kHz}
  out: {size: 20, equations: "x : integer\\ny : 1"}
synapses:
  s: {source: src, target: out, connect: all, equations: "w : 1", initial: {w: i}, on_pre: "x_post += 1; y_post = 0.5*y_post + w", delay: 4 ms}
operations:
  o: {target: s, every: 0.1 ms, do: "delay = clip(6*ms - t, 0*ms, 1*second) + 2*ms*int(j == 3)*rand()"}
monitors:
  x: {kind: state, source: out, variables: [x], when: end}
  y: {kind: state, source: out, variables: [y], when: synapses, order: -2}
  all: {kind: events, source: s, event: on_pre, variables: [w, y_post]}
  some: {kind: events, source: s, event: on_pre, variables: [w], indices: j == 3, window: [3 ms, 7 ms]}
run: {duration: 9 ms, dt: 0.1 ms}
"""  # noqa: E501 - lines of an experiment file


@pytest.mark.parametrize(("most", "threads"), [(None, 1), (1, 2), (13, 1)])
def test_all_that_arrives_at_once_is_recorded_where_delays_change(
    most: int | None, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitors, "SPIKE_BUFFER", 1)
    memory, built = run_network(replace(network_of(AT_ONCE), threads=threads), most)
    x = memory.state("x", "x")
    steps, ids = memory.spike_steps("all")
    arrived = np.zeros_like(x)
    np.add.at(arrived, (steps, ids % 20), 1)
    np.testing.assert_array_equal(np.cumsum(arrived, axis=0), x)
    assert np.bincount(steps).max() > 20 * 600  # far more than there are synapses
    assert built.counts("all").tolist() == [len(steps)] == [x[-1].sum()]
    np.testing.assert_array_equal(memory.extra("all", "w"), ids // 20)
    np.testing.assert_array_equal(memory.extra("all", "y_post"), memory.state("y", "y")[steps, ids % 20])
    kept = (ids % 20 == 3) & (steps >= 30) & (steps < 70)
    np.testing.assert_array_equal(memory.spike_steps("some"), (steps[kept], ids[kept]))


def test_events_on_their_way_are_recorded_after_a_checkpoint_where_delays_change() -> None:
    whole = run_network(network_of(AT_ONCE))[0]
    first, _ = simulation_of(network_of(AT_ONCE))
    states = {}
    first.run(lambda step: states.setdefault(step, first.state() if step == 55 else {}), most=1)
    second, memory = simulation_of(network_of(AT_ONCE))
    second.restore(states[55], 55)
    second.run()
    steps, ids = whole.spike_steps("all")
    np.testing.assert_array_equal(memory.spike_steps("all"), (steps[steps >= 55], ids[steps >= 55]))

"""Event-driven variables read outside events: what a clock-driven variable with the same equation would be."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from running import run_kernel

from snnrun.errors import ExperimentError
from snnrun.results.reader import Results
from snnrun.running import pipeline
from snnrun.running.options import RunOptions

FAULTS = """
groups:
  src: {kind: spikes, size: 1, indices: [0], times: [1 ms]}
  tgt: {size: 1, equations: "x : 1"}
synapses:
  one:
    source: src
    target: tgt
    connect: all
    equations: |
      ds/dt = -s/(5*ms) : 1 (event-driven)
      w : 1
      y = 2*s : 1
      x_post = s : 1 (summed)
    on_pre: s += 1
operations:
  start: {target: one, every: 1 ms, do: w = s}
monitors:
  m: {kind: state, source: one, variables: [w, s, y]}
  late: {kind: state, source: one, variables: [s], when: end}
  x: {kind: state, source: tgt, variables: [x]}
run: {duration: 10 ms, dt: 0.1 ms}
"""


def test_values_follow_the_solution_between_events() -> None:
    memory = run_kernel(FAULTS)
    steps = np.arange(100)
    # the event of step 10 is seen from the start of step 11, and decays in every step after it
    s = np.where(steps > 10, np.exp(-(steps - 11) / 50), 0.0)
    np.testing.assert_allclose(memory.state("m", "s")[:, 0], s, rtol=1e-12)
    np.testing.assert_allclose(memory.state("m", "y")[:, 0], 2 * s, rtol=1e-12)
    np.testing.assert_allclose(memory.state("late", "s")[:-1, 0], s[1:], rtol=1e-12)
    np.testing.assert_allclose(memory.state("m", "w")[:, 0], s[steps // 10 * 10], rtol=1e-12)
    assert memory.state("m", "w")[60, 0] == pytest.approx(0.375, abs=5e-4)
    # the sum of step 59 is of what an event of this step would find
    x = np.where(steps > 11, np.exp(-(steps - 11) / 50), 0.0)
    np.testing.assert_allclose(memory.state("x", "x")[:, 0], x, rtol=1e-12)
    assert memory.state("x", "x")[60, 0] == pytest.approx(0.375, abs=5e-4)


BOTH = """
seed: 4
constants: {{tau: 6 ms, up: 1}}
groups:
  src: {{kind: poisson, size: 8, rates: 150 Hz}}
  tgt: {{size: 5, equations: "dv/dt = (0.4*i - v)/(3*ms) : 1", threshold: v > 0.9, reset: v = 0, method: exact}}
synapses:
  s:
    source: src
    target: tgt
    connect: {{p: 0.6}}
    equations: |
      da/dt = (b - a)/(tau*(1 + b)) : 1 ({kind}-driven)
      dz/dt = (a - z)/(4*ms) : 1 (clock-driven)
      b : 1
      w : 1
      u = a + w : 1
    method: exponential_euler
    on_pre: {{do: a += 1, delay: 0.3 ms}}
    on_post: w = a
operations:
  read: {{target: s, every: 1.7 ms, do: w = 0.5*a + 0.1*u}}
  write: {{target: s, every: 5 ms, do: a = 0.5*a}}
  other: {{target: s, at: [4.2 ms, 8 ms], do: b = 0.2 + 0.1*a}}
  late: {{target: s, every: 2.3 ms, when: end, do: w += a; a *= 1.1}}
monitors:
  m: {{kind: state, source: s, variables: [a, u, w, z]}}
  end: {{kind: state, source: s, variables: [a, u], when: end}}
run:
  dt: 0.1 ms
  phases:
    - {{name: one, duration: 12 ms}}
    - {{name: two, duration: 5 ms, set: {{tau: 2 ms}}}}
    - {{name: three, duration: 6 ms, set: {{s.a: a/2, s.w: 3*a}}}}
    - {{name: four, duration: 5 ms, set: {{s.b: 0.7}}}}
"""


def test_event_driven_is_clock_driven_wherever_it_is_read() -> None:
    event, clock = (run_kernel(BOTH.format(kind=kind)) for kind in ("event", "clock"))
    for monitor, variables in (("m", ("a", "u", "w")), ("end", ("a", "u"))):
        for variable in variables:
            assert np.ptp(clock.state(monitor, variable)) > 1
            np.testing.assert_allclose(event.state(monitor, variable), clock.state(monitor, variable), atol=1e-11)


def test_a_clock_driven_equation_reads_what_an_event_of_the_step_would_find() -> None:
    event, clock = (run_kernel(BOTH.format(kind=kind)).state("m", "z") for kind in ("event", "clock"))
    # clock-driven, both are integrated from their values before the step; event-driven, one is a step ahead
    np.testing.assert_allclose(event, clock, atol=0.1)
    assert np.abs(event).max() > 0.3


HOOK = """
values = []


def look(network, t):
    values.append((round(t*1e4), float(network.synapses("s")["a"].sum())))
    with open(OUT, "w") as file:
        file.write(repr(values))
"""


def test_metrics_connections_and_hooks_read_values_of_now(tmp_path: Path) -> None:
    found = {}
    for kind in ("event", "clock"):
        text = BOTH.format(kind=kind).replace("monitors:\n", "monitors:\n  c: {kind: connectivity, source: s}\n")
        text = text.replace("operations:\n", "operations:\n  look: {call: 'hook.py:look', every: 2.1 ms}\n")
        file, seen = tmp_path / f"{kind}.yaml", tmp_path / f"{kind}.txt"
        file.write_text(f"version: 1\nname: {kind}\n{text}metrics: {{a: s.a, u: s.u, last: last(end.a)}}\n")
        (tmp_path / "hook.py").write_text(HOOK.replace("OUT", repr(str(seen))))
        checked = pipeline.check(pipeline.read(file))
        outcome = pipeline.run(checked, tmp_path / "out", RunOptions(plots=False, allow_code=True))
        results = Results.open(outcome.folder)
        metrics = [outcome.metrics[name][0] for name in ("a", "u", "last")]
        found[kind] = [*metrics, results.connectivity("c").values["a"], ast.literal_eval(seen.read_text())]
        results.close()
    assert len(found["event"][-1]) == 14
    for event, clock in zip(found["event"], found["clock"], strict=True):
        assert np.ptp(clock) > 0.5
        np.testing.assert_allclose(event, clock, atol=1e-10)


def test_a_state_with_event_driven_variables_does_not_begin_a_clock_driven_run(tmp_path: Path) -> None:
    file = tmp_path / "first.yaml"
    run = FAULTS.replace("run: {", "run: {save_state: true, ")
    file.write_text(f"version: 1\nname: first\n{run}")
    folder = pipeline.run(pipeline.check(pipeline.read(file)), tmp_path / "out", RunOptions(plots=False)).folder
    (tmp_path / "state.npz").write_bytes((folder / "state.npz").read_bytes())
    later = FAULTS.replace("run: {", "run: {start_from: state.npz, ")
    file.write_text(f"version: 1\nname: later\n{later}")
    pipeline.check(pipeline.read(file))
    file.write_text(f"version: 1\nname: later\n{later.replace('event-driven', 'clock-driven')}")
    with pytest.raises(ExperimentError) as caught:
        pipeline.check(pipeline.read(file))
    assert caught.value.diagnostics[0].code == "FIL204"

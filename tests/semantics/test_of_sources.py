"""Clock-driven variables that are the same for all synapses of a source live once a source, with the same bits."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import assert_agreement
from running import network_of, run_kernel, run_network

from snnrun.errors import RunError
from snnrun.model import of_sources

GATES = """
seed: 5
constants: {open: 0.4, tau: 5 ms}
groups:
  src: {kind: poisson, size: 9, rates: 150 Hz}
  pop:
    size: 12
    equations: |
      dv/dt = (1.05 - v + 0.1*g - total)/(8*ms) : 1
      g : 1
      total : 1
    threshold: v > 1
    reset: v = 0
    method: euler
    initial: {v: rand()}
    subgroups: {some: "2:9"}
synapses:
  in:
    source: src
    target: pop
    connect: {p: 0.7}
    delay: 0.7 ms
    equations: |
      w : 1
      ds/dt = -s/tau + 0.5*x*(1 - s)/ms : 1 (clock-driven)
      dx/dt = -x/(2*ms) : 1 (clock-driven)
      dy/dt = (s*w - y)/tau : 1 (clock-driven)
      both = s + w : 1
      g_post = w*s + y : 1 (summed)
    method: rk2
    initial: {w: 0.1 + 0.1*rand()}
    on_pre: x += open; v_post += 0.01*x
  rec:
    source: pop.some
    target: pop
    connect: {p: 0.6}
    equations: |
      dr/dt = (v_pre - r)/tau : 1 (clock-driven)
      total_post = 0.02*(r - v_post) : 1 (summed)
    method: euler
    on_pre: {do: r = 0.5*r, delay: 1.1 ms}
monitors:
  spikes: {kind: spikes, source: pop}
  m: {kind: state, source: in, variables: [w, s, x, y, both], dt: 0.5 ms}
  late: {kind: state, source: rec, variables: [r], when: end}
  at: {kind: events, source: in, event: on_pre, variables: [x, s, w]}
  all: {kind: connectivity, source: in, variables: [s, w]}
run: {duration: 60 ms, dt: 0.1 ms}
"""


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep variables once a source however few synapses there are."""
    monkeypatch.setattr(of_sources, "FROM", 0)


def stored(text: str, name: str) -> list[str]:
    return [s.variable.name for s in network_of(text).synapses[name].stored]


def test_what_all_synapses_of_a_source_share_is_found_and_the_rest_stays_with_them(moved: None) -> None:
    assert stored(GATES, "in") == ["w", "y"]
    assert stored(GATES, "rec") == []
    groups = network_of(GATES).groups
    assert {"s@in", "x@in"} <= {s.variable.name for s in groups["src"].stored}
    assert "r@rec" in {s.variable.name for s in groups["pop"].stored}


def test_kernels_agree_with_the_oracle(moved: None) -> None:
    assert_agreement(GATES, spikes=10)


def test_values_have_the_bits_of_those_kept_at_each_synapse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_sources, "FROM", 1e9)
    assert stored(GATES, "in") == ["w", "s", "x", "y"]
    long = run_kernel(GATES)
    monkeypatch.setattr(of_sources, "FROM", 0)
    short = run_kernel(GATES)
    for monitor, names in (("m", ["w", "s", "x", "y", "both"]), ("late", ["r"])):
        for name in names:
            assert np.ptp(long.state(monitor, name)) > 0
            np.testing.assert_array_equal(long.state(monitor, name), short.state(monitor, name))
    for name in "xsw":
        np.testing.assert_array_equal(long.extra("at", name), short.extra("at", name))
    np.testing.assert_array_equal(long.spike_steps("spikes"), short.spike_steps("spikes"))


def test_threads_and_cuts_into_calls_change_no_bit(moved: None) -> None:
    one, _ = run_network(network_of(GATES))
    for threads, most in ((1, 7), (2, None), (3, 11)):
        other, _ = run_network(network_of(GATES, f"run.threads={threads}"), most)
        np.testing.assert_array_equal(one.spike_steps("spikes"), other.spike_steps("spikes"))
        for monitor, name in (("m", "s"), ("m", "x"), ("m", "y"), ("late", "r")):
            np.testing.assert_array_equal(one.state(monitor, name), other.state(monitor, name))


CHANGES = {
    "an initial value": ("initial: {w: 0.1 + 0.1*rand()}", "initial: {w: 0.1, x: 0.1}"),
    "a jump that differs between synapses": ("x += open", "x += open*w"),
    "a random jump": ("x += open", "x += open*rand()"),
    "events of the target": ("on_pre: x += open", "on_post: x = 0\n    on_pre: x += open"),
    "delays that differ": ("delay: 0.7 ms", "delay: 0.7 ms + 0.1*ms*j"),
    "an equation with a weight": ("-x/(2*ms)", "-x*w/(2*ms)"),
    "an equation with noise": ("dx/dt = -x/(2*ms)", "dx/dt = -x/(2*ms) + 0.1*xi/sqrt(1*ms)"),
    "an equation with the target": ("-x/(2*ms)", "-x*v_post/(2*ms)"),
    "a phase that sets it": ("{duration: 60 ms", "{phases: [{name: x, duration: 60 ms, set: {in.x: 0}}]"),
    "an operation that sets it": ("monitors:", "operations:\n  o: {target: in, every: 5 ms, do: x = 0}\nmonitors:"),
}


@pytest.mark.parametrize("old_new", CHANGES.values(), ids=CHANGES.keys())
def test_what_may_differ_between_synapses_stays_with_them(moved: None, old_new: tuple[str, str]) -> None:
    old, new = old_new
    assert GATES.count(old) == 1
    text = GATES.replace(old, new).replace("method: rk2", "method: heun" if "xi" in new else "method: rk2")
    assert "x" in stored(text, "in")


def test_few_synapses_a_source_keep_their_own() -> None:
    assert "s" not in stored(GATES, "in")  # 8.4 synapses a source
    assert "s" in stored(GATES.replace("{p: 0.7}", "{p: 0.3}"), "in")  # 3.6


RUNAWAY = """
groups:
  src: {kind: spikes, size: 3, indices: [1], times: [1 ms]}
  tgt: {size: 8, equations: "x : 1"}
synapses:
  gates:
    source: src
    target: tgt
    connect: all
    equations: |
      ds/dt = s*s*s/ms : 1 (clock-driven)
      x_post = s : 1 (summed)
    method: euler
    on_pre: s += 10
run: {duration: 5 ms, dt: 0.1 ms}
"""


def test_a_value_that_is_not_finite_is_told_of_as_the_file_names_it() -> None:
    assert "s" not in stored(RUNAWAY, "gates")
    with pytest.raises(RunError) as caught:
        run_kernel(RUNAWAY)
    (found,) = caught.value.diagnostics
    assert found.code == "RUN301"
    assert found.message.startswith("`s` of the synapses `gates` of neuron 1 of `src` became infinite at t = ")
    assert "(`rk4`)" in (found.help or "")

"""Traces that are the same for all synapses of a neuron live once a neuron, and mean what they mean at each synapse."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import assert_agreement
from running import final, network_of, run_kernel, run_network, simulation_of

from snnrun.codegen.arguments import ArrayUse
from snnrun.codegen.kernel import generate
from snnrun.codegen.native import PythonKernel
from snnrun.engine import postponed as engine_postponed
from snnrun.engine.build import build
from snnrun.engine.driver import Simulation
from snnrun.engine.recording import Memory
from snnrun.model import traces
from snnrun.model.network import Network
from snnrun.model.postponed import postponed

PAIRS = """
seed: 5
constants: {tau: 6 ms, up: 0.02}
groups:
  src: {kind: poisson, size: 9, rates: 120 Hz}
  pop:
    size: 12
    equations: "dv/dt = (1.1 - v)/(8*ms) : 1 (unless refractory)"
    threshold: v > 1
    reset: v = 0
    refractory: 2 ms
    method: exact
    initial: {v: rand()}
    subgroups: {some: "2:9"}
synapses:
  in:
    source: src
    target: pop
    connect: {p: 0.6}
    delay: 0.7 ms
    equations: |
      w : 1
      da/dt = -a/tau : 1 (event-driven)
      db/dt = -b/(2*tau) : 1 (event-driven)
      c = a + w : 1
    initial: {w: 0.1*rand()}
    on_pre: {do: "v_post += w; a += up; w = clip(w + b, 0, 0.3)"}
    on_post: {do: "b -= 1.1*up; w = clip(w + a, 0, 0.3)", delay: 0.2 ms}
  rec:
    source: pop
    target: pop.some
    connect: {p: 0.4, where: i != j}
    equations: |
      w : 1
      dr1/dt = -r1/(4*ms) : 1 (event-driven)
      dr2/dt = (r1 - r2)/(9*ms) : 1 (event-driven)
      do1/dt = (0.01 - o1)/(5*ms) : 1 (event-driven)
      dx/dt = -x/(3*ms) : 1 (event-driven)
    on_pre:
      early: {do: "v_post -= 0.01*w; r1 = r1 + 1; w = w - 0.02*o1*(1 + r2); x += w"}
      late: {do: "r1 = 0.5*r1; x += 0.1", delay: 1 ms}
    on_post: o1 += 1; w = w + 0.03*r1*o1
monitors:
  spikes: {kind: spikes, source: pop}
  m: {kind: state, source: in, variables: [w, a, b, c], dt: 0.5 ms}
  late: {kind: state, source: rec, variables: [w, r2, o1, x], when: end}
  at: {kind: events, source: in, event: on_pre, variables: [a, b, w]}
  all: {kind: connectivity, source: in}
run: {duration: 60 ms, dt: 0.1 ms}
"""


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep traces once a neuron in small networks too."""
    monkeypatch.setattr(traces, "FROM", 0)


def kept(network: Network, name: str) -> list[tuple[str, ...]]:
    """The traces of the sources, then of the targets of a synapses object."""
    return [t.names for t in network.synapses[name].traces]


def test_traces_are_found_on_both_sides_and_the_rest_stays_with_the_synapses(few: None) -> None:
    network = network_of(PAIRS)
    assert kept(network, "in") == [("a",), ("b",)]
    assert kept(network, "rec") == [("r1", "r2"), ("o1",)]
    assert [s.variable.name for s in network.synapses["in"].stored] == ["w"]
    assert [s.variable.name for s in network.synapses["rec"].stored] == ["w", "x", "lastupdate"]


def test_kernels_agree_with_the_oracle(few: None) -> None:
    assert_agreement(PAIRS, spikes=10)


def test_small_objects_keep_theirs_and_the_values_differ_by_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept(network_of(PAIRS), "in") == []
    long = run_kernel(PAIRS)
    monkeypatch.setattr(traces, "FROM", 0)
    short = run_kernel(PAIRS)
    for monitor, names in (("m", "wabc"), ("late", ["w", "r2", "o1", "x"])):
        for name in names:
            a, b = long.state(monitor, name), short.state(monitor, name)
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-15)
            assert np.ptp(a) > 0
    for name in "abw":
        np.testing.assert_allclose(long.extra("at", name), short.extra("at", name), rtol=1e-11, atol=1e-15)


def test_threads_and_cuts_into_calls_change_no_bit(few: None) -> None:
    one, _ = run_network(network_of(PAIRS))
    for threads, most in ((1, 7), (2, None), (3, 11)):
        other, _ = run_network(network_of(PAIRS, f"run.threads={threads}"), most)
        assert np.array_equal(one.spike_steps("spikes")[0], other.spike_steps("spikes")[0])
        for name in "wabc":
            assert np.array_equal(one.state("m", name), other.state("m", name))


CHANGES = {
    "an initial value": ("initial: {w: 0.1*rand()}", "initial: {w: 0.1*rand(), a: 0.1}"),
    "a jump that differs between synapses": ("a += up", "a += up*w"),
    "a random jump": ("a += up", "a += up*rand()"),
    "a jump by events of both ends": ("b -= 1.1*up", "b -= 1.1*up; a = 0"),
    "delays that differ": ("delay: 0.7 ms", "delay: 0.7 ms + 0.1*ms*j"),
    "a time constant of each synapse": ("da/dt = -a/tau", "w0 : 1 (constant)\n      da/dt = -a/(tau*(1 + w0))"),
    "a phase that sets it": ("{duration: 60 ms", "{phases: [{name: x, duration: 60 ms, set: {in.a: 0}}]"),
    "an operation that sets it": ("monitors:", "operations:\n  o: {target: in, every: 5 ms, do: a = 0}\nmonitors:"),
}


@pytest.mark.parametrize("old_new", CHANGES.values(), ids=CHANGES.keys())
def test_what_may_differ_between_synapses_stays_with_them(few: None, old_new: tuple[str, str]) -> None:
    old, new = old_new
    assert PAIRS.count(old) == 1 or old == "delay: 0.7 ms"
    network = network_of(PAIRS.replace(old, new, 1))
    assert not any("a" in names for names in kept(network, "in"))
    assert "a" in [s.variable.name for s in network.synapses["in"].stored]


PHASES = """
groups:
  src: {kind: spikes, size: 1, indices: [0, 0], times: [1 ms, 21 ms]}
  tgt: {size: 1, equations: "x : 1"}
constants: {tau: 5 ms}
synapses:
  s:
    source: src
    target: tgt
    connect: all
    equations: "da/dt = -a/tau : 1 (event-driven)"
    on_pre: a += 1
monitors:
  m: {kind: state, source: s, variables: [a]}
run:
  dt: 0.1 ms
  phases: [{name: one, duration: 10 ms}, {name: two, duration: 20 ms, set: {tau: 50 ms}}]
"""


def test_a_phase_with_another_time_constant_counts_from_its_first_step(few: None) -> None:
    network = network_of(PHASES)
    assert kept(network, "s") == [("a",)]
    a = run_kernel(PHASES).state("m", "a")[:, 0]
    # at the start of step 100 the value is that of the end of step 99, 89 steps after the jump
    assert a[200] == pytest.approx(np.exp(-89 / 50) * np.exp(-100 / 500), rel=1e-12)
    assert a[250] == pytest.approx((1 + np.exp(-89 / 50) * np.exp(-111 / 500)) * np.exp(-39 / 500), rel=1e-12)


SILENT = PAIRS[: PAIRS.index("  m: {kind: state")] + PAIRS[PAIRS.index("  all: {kind: conn") :]
"""Nothing records a weight while the network runs."""


def waiting(text: str) -> list[str]:
    """The synapses whose spikes of the target wait for the next one of the source."""
    network = network_of(text)
    return [name for name, s in network.synapses.items() if postponed(network, s) is not None]


def test_spikes_of_the_target_wait_where_nobody_reads_the_weights(few: None) -> None:
    assert waiting(SILENT) == ["in"]  # a statement of `rec` reads the trace of the target
    assert waiting(PAIRS) == []
    assert waiting(SILENT.replace("w = clip(w + a, 0, 0.3)", "w = clip(w + a*rand(), 0, 0.3)")) == []
    assert waiting(SILENT.replace("w = clip(w + a, 0, 0.3)", "v_post += a; w = clip(w + a, 0, 0.3)")) == []
    assert waiting(SILENT + "operations:\n  o: {target: in, every: 5 ms, do: w *= 0.9}\n") == []


@pytest.mark.parametrize("room", [2, 8])
def test_weights_are_what_they_are_at_once(few: None, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    monkeypatch.setattr(engine_postponed, "LEAST", room)
    for threads in (1, 3):
        assert_agreement(SILENT, f"run.threads={threads}", spikes=10)


PHASED = "phases: [{name: one, duration: 21 ms}, {name: two, duration: 20 ms, set: {in.w: 0.5*w, up: 0.03}}]"
TEXT = SILENT.replace("duration: 60 ms", PHASED)


def test_phases_see_and_change_weights_that_have_caught_up(few: None) -> None:
    assert waiting(TEXT) == ["in"]
    assert_agreement(TEXT, spikes=10)


def test_a_run_that_goes_on_from_a_state_has_the_same_weights(few: None) -> None:
    network = network_of(TEXT)
    states = {}
    first, _ = simulation_of(network)
    first.run(lambda step: states.setdefault(step, first.state()), most=37)
    second, _ = simulation_of(network)
    second.restore(states[284], 284)
    assert states[284][ArrayUse.ARRIVED.of("synapses.in")].any()
    second.run()
    for name in ("in", "rec"):
        ended = [final(s.built, f"synapses.{name}", "w") for s in (first, second)]
        assert np.array_equal(*ended)


def test_plain_python_and_values_between_calls_are_the_same(few: None) -> None:
    network = network_of(SILENT, "run.duration=12 ms")
    kernel = generate(network)
    slow = Simulation(build(network, kernel), PythonKernel(kernel.text), Memory())
    slow.run()
    quick, _ = simulation_of(network)
    seen = []
    quick.run(lambda _step: seen.append(quick.now("synapses.in", "w").copy()), most=30)
    assert np.array_equal(final(slow.built, "synapses.in", "w"), seen[-1])
    assert np.array_equal(seen[2], final(run_network(network_of(SILENT, "run.duration=9 ms"))[1], "synapses.in", "w"))

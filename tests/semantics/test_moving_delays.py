"""Operations change delays: a spike takes the delay that counts when it is sent."""

from __future__ import annotations

import numpy as np
import pytest
from running import network_of, resolved, run_network, run_plain, simulation_of

from snnrun.engine import moving
from snnrun.engine.values import delays_of
from snnrun.errors import ExperimentError, RunError

TWO = """
groups:
  src: {kind: spikes, size: 2, indices: [0, 1, 0, 0], times: [1 ms, 1 ms, 2 ms, 2.5 ms]}
  out: {size: 2, equations: "x : 1"}
synapses:
  syn: {source: src, target: out, connect: one_to_one, on_pre: x_post += 1, delay: 0.5*ms + 0.3*ms*i}
operations:
  o: {target: syn, at: [1.2 ms, 2.3 ms], do: "delay = delay + 1*ms*(1 - i)"}
monitors:
  x: {kind: state, source: out, variables: [x], when: end}
  d: {kind: state, source: syn, variables: [delay]}
run: {duration: 6 ms, dt: 0.1 ms}
"""


def test_a_spike_takes_the_delay_that_counts_when_it_is_sent() -> None:
    memory = run_plain(TWO)
    arrivals = [(np.flatnonzero(np.diff(memory.state("x", "x")[:, k])) + 1).tolist() for k in (0, 1)]
    assert arrivals == [[10 + 5, 20 + 15, 25 + 25], [10 + 8]]
    delays = memory.state("d", "delay") * 1e3
    np.testing.assert_allclose(delays[[0, 12, 13, 59], 0], [0.5, 1.5, 1.5, 2.5], rtol=1e-12)
    np.testing.assert_allclose(delays[:, 1], 0.8, rtol=1e-12)


def test_two_spikes_that_arrive_together_both_act() -> None:
    text = TWO.replace('do: "delay = delay + 1*ms*(1 - i)"', "do: delay = 0.5*ms").replace(
        "delay: 0.5*ms + 0.3*ms*i", "delay: 1.5 ms"
    )
    memory = run_plain(text)  # sent at 1 ms with 1.5 ms, at 2 ms with 0.5 ms
    assert memory.state("x", "x")[:, 0].tolist() == [0.0] * 25 + [2.0] * 5 + [3.0] * 30


def test_a_state_of_a_group_with_its_own_step_counts_that() -> None:
    text = TWO.replace("times: [1 ms, 1 ms, 2 ms, 2.5 ms]", "times: [1 ms, 1 ms, 2 ms, 2.5 ms], dt: 0.5 ms")
    delays = run_plain(text).state("d", "delay") * 1e3
    np.testing.assert_allclose(delays[[0, 12, 23], 0], [0.5, 1.5, 2.5], rtol=1e-12)
    np.testing.assert_allclose(delays[:, 1], 1.0, rtol=1e-12)  # 0.8 ms is nearest to 1 ms


MANY = """
groups:
  src: {kind: poisson, size: 40, rates: 8 kHz}
  out: {size: 30, equations: "x : 1\\ny : 1"}
synapses:
  syn: {source: src, target: out, connect: all, on_pre: "y_post = 0.9*y_post + x_post; x_post += 1", delay: 3 ms}
operations:
  o: {target: syn, every: 0.1 ms, do: delay = 3*ms + 3*ms*rand()}
monitors:
  x: {kind: state, source: out, variables: [x, y]}
  s: {kind: spikes, source: src, counts_only: true}
run: {duration: 9 ms, dt: 0.1 ms}
"""


def test_lists_grow_and_a_run_continues_from_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(MANY)
    memory, built = run_network(network)
    wanted = memory.state("x", "y")
    assert len(built.arrays[moving.ArrayUse.ARRIVALS.of("synapses.syn.on_pre")]) > 4 * 1200  # they grew
    (threads, _) = run_network(network_of(MANY, "run.threads=2"), most=1)
    np.testing.assert_array_equal(threads.state("x", "y"), wanted)
    first, _ = simulation_of(network)
    copies: list[tuple[int, object]] = []
    first.run(lambda step: copies.append((step, first.state())) if step >= 60 and not copies else None, most=20)
    second, later = simulation_of(network)
    step, state = copies[0]
    second.restore(state, step)  # type: ignore[arg-type]
    second.run(most=7)
    np.testing.assert_array_equal(later.state("x", "y"), wanted[step:])


def test_what_is_shown_in_the_end_are_the_delays_of_the_end() -> None:
    simulation, _ = simulation_of(network_of(TWO))
    simulation.run()
    synapses = simulation.network.synapses["syn"]
    assert delays_of(simulation.built, synapses, synapses.pathways[0]).tolist() == [25, 8]
    np.testing.assert_allclose(simulation.now("synapses.syn", "delay"), [2.5e-3, 0.8e-3], rtol=1e-12)


@pytest.mark.parametrize(
    ("value", "says"), [("0.2*ms - t", "is -1 ms"), ("sqrt(-1*t/ms)*ms", "not a number"), ("1e9*second", "million")]
)
def test_a_delay_that_no_spike_can_have_stops_the_run(value: str, says: str) -> None:
    text = TWO.replace('do: "delay = delay + 1*ms*(1 - i)"', f"do: delay = {value} + 0*ms*rand()")
    with pytest.raises(RunError, match="RUN311") as caught:
        run_plain(text)
    assert says in str(caught.value)
    assert "synapse 0 (0 -> 0) of `syn`" in str(caught.value)


def test_what_a_state_does_not_hold_is_refused() -> None:
    with pytest.raises(ExperimentError, match="NET177"):
        network_of(TWO, "run.save_state=true")


def test_a_phase_and_an_operation_do_not_set_one_delay() -> None:
    phases = "phases: [{name: a, duration: 3 ms}, {name: b, duration: 3 ms, set: {syn.delay: 1 ms}}]"
    with pytest.raises(ExperimentError, match="NET138"):
        resolved(TWO.replace("duration: 6 ms", phases))

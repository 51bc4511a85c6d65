"""Groups with time steps of their own."""

from __future__ import annotations

import numpy as np
import pytest
from running import network_of, run_network, run_plain

from snnrun.errors import ExperimentError
from snnrun.model.network import RateMonitor

POISSON = """
seed: 5
constants: {high: 250 Hz}
groups:
  steady: {kind: poisson, size: 3000, rates: high, dt: 1 ms}
  moving: {kind: poisson, size: 3000, rates: "high*int(t >= 0*ms)", dt: 1 ms}
  pop: {size: 3000, equations: "x : 1", dt: 1 ms}
inputs:
  few: {kind: poisson, target: pop, variable: x, size: 4, rate: high, weight: 1}
monitors:
  steady: {kind: spikes, source: steady}
  moving: {kind: spikes, source: moving}
  x: {kind: state, source: pop, variables: [x], when: end, dt: 0.1 ms}
run: {dt: 0.1 ms, PHASES}
"""
STEPS = 20  # of 1 ms


@pytest.mark.parametrize(
    "phases", ["duration: 20 ms", "phases: [{name: a, duration: 3.7 ms}, {name: b, duration: 16.3 ms}]"]
)
def test_random_spikes_have_the_probability_of_a_step_of_their_group(phases: str) -> None:
    memory, _ = run_network(network_of(POISSON.replace("PHASES", phases)))
    for name in ("steady", "moving"):
        steps, neurons = memory.spike_steps(name)
        assert np.all(steps % 10 == 0)
        spiked = np.zeros((STEPS, 3000), bool)
        spiked[steps // 10, neurons] = True
        assert spiked.sum() == len(steps)  # once a step at most
        p = np.array([spiked.mean(), spiked[1:][spiked[:-1]].mean(), spiked[0].mean()])  # all; after a spike; the first
        error = np.sqrt(0.25 * 0.75 / np.array([spiked.size, spiked[:-1].sum(), 3000]))
        assert np.all(np.abs(p - 0.25) < 5 * error)
    x = memory.state("x", "x")
    changed = np.flatnonzero(np.any(np.diff(x, axis=0) != 0, axis=1)) + 1
    assert np.all(changed % 10 == 0)
    assert x[-1].mean() == pytest.approx(4 * 0.25 * STEPS, abs=5 * np.sqrt(4 * 0.25 * 0.75 * STEPS / 3000))


def test_a_phase_that_sets_a_rate_between_two_steps_of_a_group_counts_from_the_next() -> None:
    phases = "phases: [{name: a, duration: 3.7 ms, set: {high: 0 Hz}}, {name: b, duration: 3.3 ms, set: {high: 1 kHz}}]"
    memory, _ = run_network(network_of(POISSON.replace("PHASES", phases)))
    for name in ("steady", "moving"):
        assert np.unique(memory.spike_steps(name)[0]).tolist() == [40, 50, 60]
        assert len(memory.spike_steps(name)[0]) == 9000


SLOW = """
groups:
  pop:
    size: 1
    dt: 0.5 ms
    equations: "dv/dt = 1/ms : 1 (unless refractory)\\nstep = dt/ms : 1\\ncount = t_in_timesteps : 1"
    threshold: v > 0.9
    reset: v = 0
    refractory: 1.1 ms
    method: euler
  out: {size: 1, equations: "x : 1"}
synapses:
  syn: {source: pop, target: out, connect: all, on_pre: x_post += 1, delay: 0.7 ms}
monitors:
  spikes: {kind: spikes, source: pop}
  m: {kind: state, source: pop, variables: [v, step, count]}
  high: {kind: events, source: pop, condition: v > 0.4}
  x: {kind: state, source: out, variables: [x], when: end}
  r: {kind: rate, source: pop}
  wide: {kind: rate, source: pop, bin: 1 ms}
run: {duration: 5 ms, dt: 0.1 ms}
"""


def test_all_that_counts_in_steps_counts_in_those_of_the_group() -> None:
    memory = run_plain(SLOW)
    # 0.5 a step; the refractory time is two steps, in which v stays 0; the delay is one step
    assert memory.spike_steps("spikes")[0].tolist() == [5, 20, 35]
    np.testing.assert_allclose(memory.state("m", "v")[:, 0], [0, 0.5, 0, 0, 0.5, 0, 0, 0.5, 0, 0], atol=1e-12)
    np.testing.assert_array_equal(memory.state("m", "step"), 0.5)
    np.testing.assert_array_equal(memory.state("m", "count")[:, 0], np.arange(10))
    assert np.flatnonzero(np.diff(memory.state("x", "x")[:, 0])).tolist() == [9, 24, 39]
    assert memory.spike_steps("high")[0].tolist() == [0, 15, 30, 45]
    bins = {m.name: m.bin for m in network_of(SLOW).monitors if isinstance(m, RateMonitor)}
    assert bins == {"r": 5, "wide": 10}


def test_a_time_between_two_steps_of_a_group_is_told_of() -> None:
    from running import resolved

    texts = [w.message for w in resolved(SLOW).warnings if w.code == "NET162"]
    assert any("1.1 ms" in text and "becomes 1 ms (2 steps)" in text for text in texts)
    assert any("700 us" in text and "becomes 500 us (1 step)" in text for text in texts)


def test_a_phase_sets_no_time_step() -> None:
    phases = "phases: [{name: a, duration: 1 ms}, {name: b, duration: 1 ms, set: {k: 2}}]"
    text = "constants: {k: 1}\n" + SLOW.replace("dt: 0.5 ms", "dt: k*ms/2").replace("duration: 5 ms", phases)
    with pytest.raises(ExperimentError, match="NET145"):
        network_of(text)


def test_between_steps_of_a_group_its_held_values_stay() -> None:
    text = """
groups:
  pop: {size: 1, dt: 0.3 ms, equations: "dv/dt = 1/ms : 1\\nheld = v : 1 (constant over dt)", method: euler}
operations:
  o: {target: pop, every: 0.1 ms, do: v = v + 1, when: end}
monitors:
  start: {kind: state, source: pop, variables: [held, v], dt: 0.1 ms}
  end: {kind: state, source: pop, variables: [held], dt: 0.1 ms, when: end}
run: {duration: 0.7 ms, dt: 0.1 ms}
"""
    memory = run_plain(text)
    np.testing.assert_allclose(memory.state("start", "v")[:, 0], [0, 1.3, 2.3, 3.3, 4.6, 5.6, 6.6], rtol=1e-12)
    np.testing.assert_allclose(memory.state("start", "held")[:, 0], [0, 0, 0, 3.3, 3.3, 3.3, 6.6], rtol=1e-12)
    np.testing.assert_allclose(memory.state("end", "held")[:, 0], [0, 0, 0, 3.3, 3.3, 3.3, 6.6], rtol=1e-12)

"""Values of all neurons or synapses together: what they are, and at which moment of a step."""

from __future__ import annotations

import numpy as np
import pytest
from running import network_of, run_network

from snnrun.engine.values import value_now

MODEL = """
name: reduced
groups:
  relaxing:
    size: 6
    equations: |
      dv/dt = (mean(v) - v)/(10*ms) : 1
      seen = sum(v) : 1 (shared, constant over dt)
    method: euler
    initial: {v: i**2}
  race:
    size: 5
    equations: |
      dx/dt = speed/ms : 1
      speed : 1 (constant)
      before : 1
    method: euler
    threshold: x >= max(x) and x > 3.05
    reset: |
      before = max(x)
      x = 0
    initial: {speed: "[1, 2, 4, 3.5, 3]"}
  told:
    size: 4
    equations: |
      y : 1
      total : 1 (shared)
      largest : 1
      first : integer
    initial: {y: i + 1}
    subgroups: {back: [3, 1, 2]}
synapses:
  syn:
    source: told
    target: race
    equations: "w : 1\\nfrom_source : 1"
    connect: {where: i != j}
    initial: {w: 1 + i + 2*j}
operations:
  grow: {target: told, at: [1 ms], do: "y = 2*y; total = sum(y); largest = max(y); first = argmin(y)"}
  part: {target: told.back, at: [2 ms], do: "largest = sum(y); first = argmax(y)"}
  scale: {target: syn, at: [1 ms], do: "from_source = sum_pre(w); w = w/sum_post(w)*3"}
monitors:
  v: {kind: state, source: relaxing, variables: [v, seen]}
  spikes: {kind: spikes, source: race}
  race: {kind: state, source: race, variables: [before]}
  told: {kind: state, source: told, variables: [y, largest, first, total]}
  w: {kind: state, source: syn, variables: [w, from_source], dt: 1.5 ms}
run: {duration: 3 ms, dt: 0.1 ms}
"""


@pytest.fixture(scope="module")
def recorded():
    return run_network(network_of(MODEL))[0]


def test_equations_take_the_values_at_the_start_of_the_step(recorded):
    start = np.arange(6.0) ** 2
    shrinking = (1 - 0.01) ** np.arange(30)[:, None]
    np.testing.assert_allclose(recorded.state("v", "v"), start.mean() + (start - start.mean()) * shrinking, rtol=1e-12)
    np.testing.assert_allclose(recorded.state("v", "seen")[:, 0], start.sum(), rtol=1e-12)


def test_a_threshold_takes_the_values_that_it_tests(recorded):
    """Of those beyond the limit the foremost spikes: neuron 2 after 0.8 ms, then 3, then 4, and each again from 0."""
    steps, neurons = recorded.spike_steps("spikes")
    x, speed, expected = np.zeros(5), np.array([1, 2, 4, 3.5, 3]) * 0.1, []
    for step in range(30):
        x = x + speed
        winner = int(np.argmax(x))
        if x[winner] > 3.05:
            expected.append((step, winner))
            x[winner] = 0
    assert list(zip(steps.tolist(), neurons.tolist(), strict=True)) == expected
    assert len({neuron for _, neuron in expected}) > 2


def test_a_reset_takes_the_values_before_it(recorded):
    steps, neurons = recorded.spike_steps("spikes")
    before = recorded.state("race", "before")
    assert before[steps[0] + 1, neurons[0]] == pytest.approx(0.4 * (steps[0] + 1))
    assert before[steps[0] + 1, neurons[0]] > 3.05


def test_a_statement_takes_what_those_before_it_made(recorded):
    told = {name: recorded.state("told", name) for name in ("y", "largest", "first", "total")}
    assert told["y"][10].tolist() == [2, 4, 6, 8]
    assert told["total"][10].tolist() == [20] * told["total"].shape[1]
    assert told["largest"][10].tolist() == [8, 8, 8, 8]
    assert told["first"][10].tolist() == [0, 0, 0, 0]


def test_an_operation_on_a_part_takes_this_part(recorded):
    assert recorded.state("told", "largest")[20].tolist() == [8, 18, 18, 18]
    assert recorded.state("told", "first")[20].tolist() == [0, 0, 0, 0]  # neuron 3 is the first of the part


def test_weights_are_normalised_by_their_sum_over_each_target(recorded):
    pairs = np.array([(i, j) for i in range(4) for j in range(5) if i != j])
    i, j = pairs.T
    w = 1.0 + i + 2 * j
    np.testing.assert_allclose(recorded.state("w", "from_source")[1], np.bincount(i, w)[i], rtol=1e-15)
    np.testing.assert_allclose(recorded.state("w", "w")[1], 3 * w / np.bincount(j, w)[j], rtol=1e-14)


ONTO_SYNAPSES = """
groups:
  s: {kind: spikes, size: 2, indices: [0], times: [0.1 ms]}
  g: {size: 2, equations: "v : 1"}
synapses:
  a: {source: s, target: g, equations: "w : 1", connect: all, on_pre: v_post += w}
  m: {source: s, target: a, equations: "k : 1", connect: all, initial: {k: 1 + i}}
operations: {n: {target: m, at: [0.5 ms], do: k = k/sum_post(k)}}
run: {duration: 1 ms, dt: 0.1 ms}
"""


def test_sums_over_the_synapses_of_a_synapse():
    built = run_network(network_of(ONTO_SYNAPSES))[1]
    values = value_now(built, built.network, "synapses.m", "k", 0)
    assert sorted(values.tolist()) == [1 / 3] * 4 + [2 / 3] * 4

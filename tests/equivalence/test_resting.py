"""Neurons that rest are not updated: the same bits as when all are, and only where nothing else can change them."""

import numpy as np
import pytest
from agreement import assert_agreement, same_bits
from running import network_of, run_network, simulation_of

from snnrun.codegen import resting
from snnrun.codegen.arguments import ArrayUse
from snnrun.codegen.kernel import generate

NETWORK = """
version: 1
seed: 3
constants: {v0: -52 mV, tau: 20 ms, taug: 5 ms}
groups:
  drive: {kind: spikes, size: 3, indices: [0, 1, 0, 2, 2, 0], times: [5 ms, 20 ms, 110 ms, 111 ms, 150 ms, 151 ms]}
  pop:
    size: 80
    subgroups: {some: "10:12"}
    equations: |
      dv/dt = (v0 - v + g)/tau : volt (unless refractory)
      dg/dt = -g/taug : volt (unless refractory)
    method: exact
    threshold: v > -45*mV
    reset: |
      v = v0
      g = 0*mV
    refractory: 2.2 ms
    initial: {v: v0}
inputs:
  noise: {target: pop.some, variable: v, size: 1, rate: 30 Hz, weight: 10 mV}
synapses:
  in:
    source: drive
    target: pop
    connect: {pairs: [[0, 3], [1, 4], [2, 5], [2, 5]]}
    delay: 1.8 ms
    on_pre: g += 60*mV
  next:
    source: pop
    target: pop
    connect: {j: "(i + 1) % 80"}
    delay: 1.8 ms
    equations: "w : volt"
    initial: {w: 1*mV}
    on_pre: g += w
monitors:
  spikes: {kind: spikes, source: pop}
  v: {kind: state, source: pop, variables: [v, g], indices: all}
run: {duration: 200 ms, dt: 0.1 ms}
"""


@pytest.fixture
def small(monkeypatch):
    """Groups of any size rest."""
    monkeypatch.setattr(resting, "SMALLEST", 1)


def moving(built):
    """How many neurons are listed; None where no list is kept."""
    numbers = built.arrays.get(ArrayUse.MOVING_NUMBER.of("groups.pop"))
    return None if numbers is None else int(numbers.sum())


@pytest.mark.parametrize(
    "overrides", [["run.precision=single"], ["groups.pop.refractory=null", "groups.pop.method=euler"]]
)
def test_the_oracle_that_updates_all_neurons_finds_the_same_bits(small, overrides):
    assert_agreement(NETWORK, "run.duration=115 ms", *overrides, spikes=3)


def test_few_neurons_are_listed_and_the_rest_rests(small):
    _, built = run_network(network_of(NETWORK))
    assert 3 <= moving(built) < 80 / resting.resting.SHARE


def test_a_group_in_which_many_move_is_updated_as_a_whole(small):
    _, built = run_network(network_of(NETWORK, "groups.pop.initial={v: v0 + rand()*mV}"))
    assert moving(built) >= 80 / resting.resting.SHARE


@pytest.mark.parametrize("most", [1, 7, 500])
def test_calls_of_any_length_give_the_same(small, most):
    whole, _ = run_network(network_of(NETWORK))
    cut, _ = run_network(network_of(NETWORK), most)
    assert all(same_bits(a, b) for a, b in zip(whole.spike_steps("spikes"), cut.spike_steps("spikes"), strict=True))


def test_a_phase_moves_neurons_that_rested(small):
    phases = "run.phases=[{name: a, duration: 60 ms}, {name: b, duration: 60 ms, set: {v0: -50 mV}}]"
    assert_agreement(NETWORK, "run.duration=null", phases, spikes=3)


def test_a_state_that_is_put_back_moves_neurons_that_rested(small):
    once, _ = simulation_of(network_of(NETWORK))
    state = once.state()
    once.run()
    last = once.state()
    once.restore(state, 0)
    once.run()
    v = ArrayUse.VARIABLE.of("groups.pop", "v")
    assert same_bits(once.built.arrays[v], last[v])


def test_threads_and_lists_give_the_bits_of_one_thread_without_them(monkeypatch):
    many = (
        NETWORK.replace("200 ms", "120 ms")
        .replace("size: 80", "size: 2400")
        .replace("% 80", "% 2400")
        .replace("[2, 5]]", "[2, 1990]]")
    )
    plain, _ = run_network(network_of(many))
    monkeypatch.setattr(resting, "SMALLEST", 1)
    for threads in (1, 2):
        found, built = run_network(network_of(many, f"run.threads={threads}"))
        assert np.count_nonzero(built.arrays[ArrayUse.MOVING_NUMBER.of("groups.pop")]) == threads
        assert moving(built) < 2400 / resting.resting.SHARE
        for a, b in zip(plain.spike_steps("spikes"), found.spike_steps("spikes"), strict=True):
            assert np.array_equal(a, b)


@pytest.mark.parametrize(
    "override",
    [
        "groups.pop.equations=dv/dt = (v0 - v + g)/tau + 0.1*mV*xi*tau**-0.5 : volt\ndg/dt = -g/taug : volt",
        "groups.pop.equations=dv/dt = (v0 - v + g)/tau + t/tau*mV/second : volt\ndg/dt = -g/taug : volt",
        "operations={kick: {every: 10 ms, target: pop, do: v += 1*mV}}",
        "synapses.next.delay=1*ms + rand()*ms",
        "inputs.noise.target=pop",
        "run.math=fast",
    ],
)
def test_all_are_updated_where_more_than_listed_neurons_can_change(small, override):
    method = ["groups.pop.method=euler"] if "equations" in override else []
    assert "moves_few" not in generate(network_of(NETWORK, override, *method)).text


def test_kernels_of_small_groups_keep_their_text():
    assert "moves_few" not in generate(network_of(NETWORK)).text

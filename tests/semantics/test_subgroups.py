"""A subgroup is its neurons in the order of the file: `i` counts them, lists go by them, results name them."""
# ruff: noqa: E501 - lines of experiment files

from __future__ import annotations

import functools

import numpy as np
import pytest
from running import network_of, run_network

from snnrun.codegen.arguments import ArrayUse
from snnrun.connect import builder
from snnrun.errors import ExperimentError
from snnrun.model.network import Network

FILE = """
name: subgroups
groups:
  s: {kind: spikes, size: 4, indices: [0, 1, 2, 3], times: [0.1 ms, 0.2 ms, 0.3 ms, 0.4 ms]}
  n:
    size: 8
    equations: |
      a : 1
      b : 1
      c : 1
      d : 1
      e : 1
      f : integer
      g : 1
      h : 1
    threshold: t_in_timesteps == 1 + i
    subgroups: {list: [5, 2, 7, 4], back: [6, 4, 2], even: "::2", odd: "i % 2 == 1"}
    initial:
      f: -1
      g:
        - {subgroup: list, value: [10, 20, 30, 40]}
        - {subgroup: even, value: 100*i + N, where: i > 1}
      h: {subgroup: back, value: g + 1000*i}
synapses:
  one: {source: s, target: n.list, connect: one_to_one, on_pre: a_post += 1 + i}
  pairs: {source: s, target: n.list, connect: {i: [0, 1, 2, 3], j: [0, 1, 2, 3]}, on_pre: b_post += 1 + j}
  where: {source: s, target: n.list, connect: {where: j == i}, on_pre: c_post += 10*(1 + j)}
  made: {source: n.list, target: n.list, connect: {j: (i + 1) % N_post}}
  every: {source: n.back, target: n.list, connect: {where: i != j}}
  outdegree: {source: n.list, target: n.back, connect: {fixed_outdegree: 3}}
  indegree: {source: n.back, target: n.list, connect: {fixed_indegree: 3}}
  narrowed: {source: n, target: n, connect: {rule: one_to_one, source: n.back, target: n.back}}
operations:
  list: {target: n.list, at: 0 ms, do: d = i + 10*N}
  back: {target: n.back, at: 0 ms, do: e = i + 1}
  even: {target: n.even, at: 0.1 ms, do: f = i}
inputs:
  p: {target: n.list, variable: h, size: 1, rate: 1/dt, weight: 0.01*(i + 1)}
monitors:
  first: {kind: state, source: n.list, variables: [g]}
  some: {kind: state, source: n.list, variables: [g], indices: [2, 0]}
  spikes: {kind: spikes, source: n.list, indices: [1, 0]}
  counts: {kind: spikes, source: n.list, counts_only: true}
run:
  dt: 0.1 ms
  phases:
    - {name: one, duration: 0.9 ms}
    - {name: two, duration: 0.2 ms, set: {n.back.a: [7, 8, 9], n.b: {subgroup: list, value: i}}}
"""
LIST, BACK = [5, 2, 7, 4], [6, 4, 2]


@functools.cache
def ran():
    return run_network(network_of(FILE))


def value(name: str) -> list[float]:
    return ran()[1].arrays[ArrayUse.VARIABLE.of("groups.n", name)].tolist()


def pairs(name: str) -> list[tuple[int, int]]:
    wiring = ran()[1].connectivity[name]
    return list(zip(*(wiring.in_creation_order(x).tolist() for x in (wiring.pre, wiring.post)), strict=True))


def at(neurons: list[int], values: list[float], rest: float = 0) -> list[float]:
    found = [rest] * 8
    for neuron, one in zip(neurons, values, strict=True):
        found[neuron] = one
    return found


def test_connect_rules_count_a_list_in_its_order() -> None:
    assert pairs("one") == [(0, 5), (1, 2), (2, 7), (3, 4)]
    assert pairs("pairs") == pairs("where") == pairs("one")
    assert value("c") == at(LIST, [10, 20, 30, 40])
    assert pairs("made") == [(5, 2), (2, 7), (7, 4), (4, 5)]
    assert pairs("every") == [(BACK[i], LIST[j]) for i in range(3) for j in range(4) if i != j]
    assert pairs("narrowed") == [(6, 6), (4, 4), (2, 2)]


def test_random_partners_stand_in_the_order_of_the_list() -> None:
    assert pairs("outdegree") == [(i, j) for i in LIST for j in BACK]
    assert pairs("indegree") == [(i, j) for j in LIST for i in BACK]


def test_the_index_in_operations_and_inputs_is_that_within_the_subgroup() -> None:
    assert value("d") == at(LIST, [40, 41, 42, 43])
    assert value("e") == at(BACK, [1, 2, 3])
    assert value("f") == [0, -1, 1, -1, 2, -1, 3, -1]
    g = at(LIST, [10, 20, 30, 40])
    g[4], g[6] = 204, 304
    assert value("g") == g
    start = at(BACK, [g[6], g[4] + 1000, g[2] + 2000])
    expected = np.array(start) + 11 * np.array(at(LIST, [0.01, 0.02, 0.03, 0.04]))
    np.testing.assert_allclose(value("h"), expected, rtol=1e-12)


def test_a_phase_sets_a_subgroup_in_its_order() -> None:
    assert value("a") == at([5, 2, 7, 4, 6], [1, 9, 3, 8, 7])
    assert value("b") == at(LIST, [0, 1, 2, 3])


def test_monitors_give_neurons_in_the_order_of_the_list() -> None:
    memory, built = ran()
    monitors = {m.name: m for m in built.network.monitors}
    assert list(monitors["first"].ids) == LIST
    assert memory.state("first", "g")[0].tolist() == [10, 20, 30, 204]
    assert list(monitors["some"].ids) == [7, 5]
    assert memory.state("some", "g")[0].tolist() == [30, 10]
    assert monitors["spikes"].source.ids.tolist() == [2, 5]
    assert memory.spike_steps("spikes")[1].tolist() == [2, 5]
    assert monitors["counts"].source.places(np.array([4, 5, 6])).tolist() == [3, 0, -1]


@pytest.mark.parametrize(
    "rule", ["all", "{p: 0.4}", "{fixed_indegree: 2}", "{fixed_outdegree: 2}", "{fixed_total: 9, multapses: true}"]
)
@pytest.mark.parametrize("threads", [1, 3])
def test_compiled_construction_keeps_the_order(rule: str, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"""
groups: {{n: {{size: 300, equations: "v : 1", threshold: v > 1, subgroups: {{a: [205, 7, 99, 8], b: "i*i % 7 == 2", c: [3, 2, 1]}}}}}}
synapses:
  s:
    source: n
    target: n
    equations: "w : 1"
    on_pre: v_post += w
    initial: {{w: rand() + i}}
    connect: [{{{rule.strip("{}") if rule != "all" else "rule: all"}, source: n.a, target: n.c}}, {{rule: one_to_one, source: n.c, target: n.c}}]
run: {{duration: 0.1 ms, dt: 0.1 ms, threads: {threads}}}
"""
    network = network_of(text)
    plain = values_as_created(network)
    monkeypatch.setattr(builder, "WORTH_IT", 0)
    for found, wanted in zip(values_as_created(network), plain, strict=True):
        np.testing.assert_array_equal(found, wanted)


def values_as_created(network: Network) -> list[np.ndarray]:
    built = run_network(network)[1]
    wiring = built.connectivity["s"]
    w = built.arrays[ArrayUse.VARIABLE.of("synapses.s", "w")]
    return [wiring.in_creation_order(a) for a in (wiring.pre, wiring.post, w)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("groups.n.subgroups.list=[5, 2, 5]", "NET131"),
        ("monitors.some.indices=[1, 1]", "NET131"),
        ("monitors.spikes.indices=[0, 0]", "NET131"),
        ("groups.n.initial.h.subgroup=nobody", "NET110"),
        ("groups.n.initial.h.value=[1, 2]", "NET141"),
        ("groups.n.subgroups.even=0:8:0", "NET120"),
    ],
)
def test_what_names_a_neuron_twice_or_none_is_refused(change: str, code: str) -> None:
    with pytest.raises(ExperimentError, match=code):
        network_of(FILE, change)

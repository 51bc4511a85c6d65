"""Synapses onto synapses are numbered as created, for any threads and calls; what cannot be is refused."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import differences
from networks import NESTED
from running import final, network_of, run_network

from snnrun.engine import build
from snnrun.engine.cache import RunCache
from snnrun.errors import ExperimentError

TEXT = """
constants: {p: 0.3}
groups:
  a: {size: 12, equations: "x : 1"}
  m: {kind: spikes, size: 2, indices: [0, 1], times: [0 ms, 1 ms]}
synapses:
  onto: {source: m, target: s, connect: CONNECT, equations: "k : 1", initial: {k: i + 10*j}, on_pre: w_post += k}
  s: {source: a, target: a, connect: {p: p}, equations: "w : 1", initial: {w: 1000*i}}
run: {duration: 2 ms, dt: 1 ms}
"""


def weights(connect: str, *overrides: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The weights at the end, and the indices of the synapses, in the order of creation."""
    _, built = run_network(network_of(TEXT.replace("CONNECT", connect), *overrides))
    made = built.connectivity["s"]
    return made.in_creation_order(final(built, "synapses.s", "w")), made.i, made.j


@pytest.mark.parametrize("threads", [1, 3])
def test_a_synapse_is_numbered_as_it_was_created(threads: int) -> None:
    w, i, _ = weights("all", f"run.threads={threads}")
    number = np.arange(len(i))
    np.testing.assert_array_equal(w, 1000 * i + 10 * number + (1 + 10 * number))


def test_rules_read_the_indices_of_the_synapses_that_they_connect() -> None:
    w, i, j = weights("{where: i == 0 and i_post < j_post}")
    np.testing.assert_array_equal(w, 1000 * i + np.where(i < j, 10 * np.arange(len(i)), 0))


@pytest.mark.parametrize(
    ("connect", "expected"),
    [
        ("{i: [0, 1], j: [3, 3]}", [3, 3]),
        ("{j: k for k in range(4*i, 4*i + 2)}", [0, 1, 4, 5]),
        ("{pairs: [[1, 2], [0, 2]]}", [2, 2]),
    ],
)
def test_lists_and_generators_name_synapses(connect: str, expected: list[int]) -> None:
    text = connect.replace("k for k in range(4*i, 4*i + 2)", '"k for k in range(4*i, 4*i + 2)"')
    _, built = run_network(network_of(TEXT.replace("CONNECT", text)))
    assert built.connectivity["onto"].j.tolist() == expected


@pytest.mark.parametrize("rule", ["fixed_indegree: 1", "fixed_outdegree: 3", "fixed_total: 7", "p: 0.5"])
def test_random_rules_know_the_number_once_the_synapses_are_made(rule: str) -> None:
    _, built = run_network(network_of(TEXT.replace("CONNECT", f"{{{rule}}}")))
    onto, size = built.connectivity["onto"], built.connectivity["s"].size
    expected = {"fixed_indegree: 1": size, "fixed_outdegree: 3": 6, "fixed_total: 7": 7}
    assert onto.size == expected.get(rule, onto.size) > 0
    assert onto.j.max() > size // 3


@pytest.mark.parametrize(
    ("connect", "code"),
    [("one_to_one", "NET181"), ("{i: 0, j: 1000}", "NET184"), ("{fixed_total: 1000}", "NET186")],
)
def test_a_rule_that_the_number_does_not_allow_is_refused_when_it_is_known(connect: str, code: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        weights(connect)
    assert caught.value.diagnostics[0].code == code
    assert caught.value.diagnostics[0].span is not None


@pytest.mark.parametrize(
    "connect", ["all", "{where: (i + j) % 2 == 0}", "{where: i != j, p: 0.5}", "{fixed_indegree: 1}"]
)
def test_rules_make_nothing_where_there_are_no_synapses(connect: str) -> None:
    w, _, _ = weights(connect, "synapses.s.connect={where: i > 50}", "constants.p=null")
    assert w.shape == (0,)


def test_degrees_need_synapses() -> None:
    with pytest.raises(ExperimentError, match="only 0 different targets exist"):
        weights("{fixed_outdegree: 1}", "synapses.s.connect={where: i > 50}", "constants.p=null")


def test_points_of_a_sweep_share_no_connections_that_differ() -> None:
    cache = RunCache(limit=1 << 24)
    for p in (0.3, 0.6, 0.3):
        network = network_of(TEXT.replace("CONNECT", "{p: 0.5}"), f"constants.p={p}")
        shared, alone = (build.build(network, c.generate(network), c).connectivity["onto"] for c in (cache, RunCache()))
        np.testing.assert_array_equal(shared.j, alone.j)
        np.testing.assert_array_equal(shared.i, alone.i)


def test_the_length_of_a_call_of_the_kernel_changes_nothing() -> None:
    found, compared = differences(network_of(NESTED), most=1)
    assert found == []
    assert compared > 50_000

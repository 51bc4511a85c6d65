"""Properties of the connection rules: degrees, distinctness, distributions, and independence of other objects."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from snnrun.connect.partners import pairs_of
from snnrun.equations.dag import Graph, Node
from snnrun.errors import ExperimentError
from snnrun.model.network import All, Connect, FixedDegree, NeuronSubset, OneToOne, Pairs, Rule, Seeds, everything, part
from snnrun.model.rule_values import Ground
from snnrun.resolve.resolve import resolve
from snnrun.spec.check import parse_experiment
from snnrun.spec.load import load

SIGNIFICANCE = 1e-6


def pairs(
    rule: Rule, source: NeuronSubset, target: NeuronSubset, seed: int = 1, stream: str = "s"
) -> tuple[np.ndarray, np.ndarray]:
    ground = Ground("synapses.s", lambda *_: 0, Seeds(seed, 1, 1, 1), 1e-4, {})
    return pairs_of(Connect(rule, source, target, stream, None), ground)


def whole(number: int) -> Node:
    return Graph().literal(number)


def group(n: int, name: str = "a") -> NeuronSubset:
    return everything(name, n)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 40), st.booleans(), st.integers(0, 2**63))
@settings(max_examples=100, deadline=None)
def test_degrees_are_exact_and_partners_distinct(n: int, m: int, k: int, multapses: bool, seed: int) -> None:
    k = k if multapses else min(k, n)
    i, j = pairs(FixedDegree("in", whole(k), multapses, autapses=True), group(n), group(m, "b"), seed)
    assert np.all(np.bincount(j, minlength=m) == k)
    assert np.all((i >= 0) & (i < n))
    if not multapses:
        assert len(set(zip(i.tolist(), j.tolist(), strict=True))) == k * m


@pytest.mark.parametrize("of", ["in", "out", "total"])
@pytest.mark.parametrize("number", [3, 9])
def test_no_autapses_when_they_are_off(of: str, number: int) -> None:
    a = group(10)
    i, j = pairs(FixedDegree(of, whole(number), multapses=False, autapses=False), a, a)
    assert np.all(i != j)
    assert len(i) == (number if of == "total" else 10 * number)
    assert len(set(zip(i.tolist(), j.tolist(), strict=True))) == len(i)


@pytest.mark.parametrize("multapses", [True, False])
@pytest.mark.parametrize("autapses", [True, False])
@pytest.mark.parametrize("number", [600, 1900])
def test_a_fixed_total_is_in_order_and_every_pair_as_likely(number: int, multapses: bool, autapses: bool) -> None:
    a, part_of_a = group(60), part("a", "a.part", np.arange(20, 60), 60)
    rule = FixedDegree("total", whole(number), multapses, autapses)
    pairs_seen = np.zeros((60, 60))
    rounds = 40
    for seed in range(rounds):
        i, j = pairs(rule, a, part_of_a, seed)
        assert len(i) == number
        flat = i * 60 + j
        assert np.all(np.diff(flat) >= (0 if multapses else 1))
        np.add.at(pairs_seen, (i, j), 1)
    assert np.all(pairs_seen[:, :20] == 0)
    possible = np.ones((60, 40), bool)
    if not autapses:
        possible[np.arange(20, 60), np.arange(40)] = False
    counts = pairs_seen[:, 20:]
    assert np.all(counts[~possible] == 0)
    expected = rounds * number / possible.sum()
    # a pair is in or out of each round when it may come once only, so its count is binomial and not Poisson
    spread = expected if multapses else expected * (1 - number / possible.sum())
    statistic = np.sum((counts[possible] - expected) ** 2) / spread
    assert 2 * min(stats.chi2.sf(statistic, possible.sum() - 1), stats.chi2.cdf(statistic, possible.sum() - 1)) > (
        SIGNIFICANCE
    )


@pytest.mark.parametrize("of", ["in", "out"])
@pytest.mark.parametrize("multapses", [True, False])
@pytest.mark.parametrize("number", [5, 30])
def test_every_partner_of_a_fixed_degree_is_as_likely(of: str, multapses: bool, number: int) -> None:
    sizes = (40, 2000) if of == "in" else (2000, 40)
    found = pairs(FixedDegree(of, whole(number), multapses, autapses=True), group(sizes[0]), group(sizes[1], "b"))
    partners = found[0] if of == "in" else found[1]
    counts = np.bincount(partners, minlength=40)
    expected = 2000 * number / 40
    # without repetition a partner is in or out of each row, and the counts of a row have a fixed sum
    spread = expected if multapses else expected * (1 - number / 40) * 40 / 39
    statistic = np.sum((counts - expected) ** 2) / spread
    assert min(stats.chi2.sf(statistic, 39), stats.chi2.cdf(statistic, 39)) > SIGNIFICANCE


@pytest.mark.parametrize("p", [0.001, 0.02, 0.3, 0.97])
def test_synapses_of_a_probability_are_binomial_and_uniform(p: float) -> None:
    graph = Graph()
    n, m = 400, 500
    i, j = pairs(All(p=graph.constant("p", p)), group(n), group(m, "b"))
    assert stats.binomtest(len(i), n * m, p).pvalue > SIGNIFICANCE
    assert len(set(zip(i.tolist(), j.tolist(), strict=True))) == len(i)
    for side, size in ((i, n), (j, m)):
        degrees = np.bincount(side, minlength=size)
        variance = (n * m / size) * p * (1 - p)
        statistic = np.sum((degrees - degrees.mean()) ** 2) / variance
        z = (statistic - (size - 1)) / math.sqrt(2 * (size - 1))
        assert abs(z) < 6
    assert np.all(np.diff(i) >= 0)  # i outermost
    assert np.all(np.diff(j)[np.diff(i) == 0] > 0)


@pytest.mark.parametrize(("p", "number"), [(0.0, 0), (1.0, 30)])
def test_impossible_and_certain_probabilities(p: float, number: int) -> None:
    assert len(pairs(All(p=Graph().constant("p", p)), group(5), group(6, "b"))[0]) == number


def test_a_wiring_depends_on_seed_and_stream_only() -> None:
    rule = All(p=Graph().constant("p", 0.3))
    first = pairs(rule, group(20), group(20, "b"))
    np.testing.assert_array_equal(first, pairs(rule, group(20), group(20, "c")))
    assert len(pairs(rule, group(20), group(20, "b"), seed=2)[0]) != len(first[0]) or np.any(
        pairs(rule, group(20), group(20, "b"), seed=2)[1] != first[1]
    )
    # a source's row does not depend on how many sources there are
    more = pairs(rule, group(50), group(20, "b"))
    np.testing.assert_array_equal(more[1][more[0] < 20], first[1])


def test_views_count_from_their_first_neuron() -> None:
    odd = part("a", "a.odd", np.array([1, 3, 5]), 6)
    i, j = pairs(OneToOne(), odd, part("b", "b.x", np.array([0, 7, 8]), 9))
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == [(1, 0), (3, 7), (5, 8)]
    i, j = pairs(Pairs(np.array([2, 0]), np.array([1, 1])), odd, odd)
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == [(5, 3), (1, 3)]


FILE = """
version: 1
groups: {{a: {{size: 12, equations: "v : 1", subgroups: {{part: {part}}}}}}}
synapses: {{s: {{source: a, target: a, connect: {rule}}}}}
run: {{duration: 1 ms, dt: 0.1 ms}}
"""


def from_file(folder: Path, rule: str = "all", part: str = '"0:3"'):
    path = folder / "x.yaml"
    path.write_text(FILE.format(rule=rule, part=part), encoding="utf-8")
    document = load(path)
    return resolve(document, parse_experiment(document)).network


def wired(folder: Path, rule: str) -> list[tuple[int, int]]:
    (made,) = from_file(folder, rule).synapses["s"].connect
    i, j = pairs_of(made, Ground("synapses.s", lambda *_: 0, Seeds(1, 1, 1, 1), 1e-4, {}))
    return list(zip(i.tolist(), j.tolist(), strict=True))


def test_a_generator_makes_what_python_would(tmp_path: Path) -> None:
    rule = '{j: "(i + 2*k) % N_post for k in range(-2, 3) if k != 0"}'
    assert wired(tmp_path, rule) == [(i, (i + 2 * k) % 12) for i in range(12) for k in range(-2, 3) if k != 0]
    rule = '{j: "k for k in range(i, i + 7, 3)", skip_if_invalid: true}'
    assert wired(tmp_path, rule) == [(i, k) for i in range(12) for k in range(i, i + 7, 3) if k < 12]
    rule = '{j: "k for k in range(i, -1, -2)"}'
    assert wired(tmp_path, rule) == [(i, k) for i in range(12) for k in range(i, -1, -2)]


def test_a_condition_with_a_number_of_synapses(tmp_path: Path) -> None:
    wanted = [(i, j) for i in range(12) for j in range(12) if abs(i - j) == 1 for _ in range(1 + i % 2)]
    assert wired(tmp_path, '{where: "abs(i - j) == 1", n: 1 + i % 2}') == wanted


def test_every_rule_with_a_number_of_synapses_makes_them(tmp_path: Path) -> None:
    own = [(i, i) for i in range(12)]
    assert wired(tmp_path, '{j: "i", n: 5}') == wired(tmp_path, '{i: "j", n: 5}') == [p for p in own for _ in range(5)]
    assert wired(tmp_path, "{j: i, n: i % 3}") == [(i, i) for i in range(12) for _ in range(i % 3)]
    assert wired(tmp_path, "{pairs: [[3, 1], [0, 2]], n: i}") == [(3, 1)] * 3
    assert wired(tmp_path, "{i: [3, 1], j: [0, 2], n: 1 + j}") == [(3, 0)] + [(1, 2)] * 3
    drawn = wired(tmp_path, "{j: i, n: poisson(4)}")
    assert len({drawn.count(pair) for pair in own}) > 3


def test_sources_of_each_target_are_generated_like_targets_of_each_source(tmp_path: Path) -> None:
    rule = '{i: "(j + 2*k) % N_pre for k in range(3) if i != j and (i < 9 or k == 1)", p: 1}'
    wanted = [(i, j) for j in range(12) for k in range(3) if (i := (j + 2 * k) % 12) != j and (i < 9 or k == 1)]
    assert wired(tmp_path, rule) == wanted
    assert wired(tmp_path, '{i: "j - 1", skip_if_invalid: true}') == [(j - 1, j) for j in range(1, 12)]
    with pytest.raises(ExperimentError, match=r"NET190.*source index -1 \(of j = 0\)"):
        wired(tmp_path, '{i: "j - 1"}')


def test_what_a_generator_draws_is_drawn_for_each_candidate(tmp_path: Path) -> None:
    found = wired(tmp_path, '{j: "int(rand()*12) for k in range(40)"}')
    assert all(len({j for i, j in found if i == own}) > 6 for own in range(12))
    same = wired(tmp_path, '{j: "3 for k in range(40) if rand() < 0.5"}')
    assert all(8 < sum(i == own for i, _ in same) < 32 for own in range(12))
    lengths = [
        sum(i == own for i, _ in wired(tmp_path, '{j: "k for k in range(int(12*rand()))"}')) for own in range(12)
    ]
    assert len(set(lengths)) > 4
    sizes = [
        sum(i == own for i, _ in wired(tmp_path, '{j: "k for k in sample(12, size=int(12*rand()))"}'))
        for own in range(12)
    ]
    assert len(set(sizes)) > 4
    thinned = wired(tmp_path, '{j: "k for k in sample(12, p=rand())"}')
    assert 36 < len(thinned) < 108


def test_a_number_of_partners_may_differ_between_neurons(tmp_path: Path) -> None:
    assert np.bincount([j for _, j in wired(tmp_path, "{fixed_indegree: j}")]).tolist() == list(range(12))[0:12]
    assert np.bincount([i for i, _ in wired(tmp_path, "{fixed_outdegree: 11 - i, autapses: false}")]).tolist() == list(
        range(11, 0, -1)
    )
    drawn = [j for _, j in wired(tmp_path, "{fixed_indegree: int(6 + randn())}")]
    assert len(set(np.bincount(drawn, minlength=12).tolist())) > 2
    alone = wired(tmp_path, "{fixed_indegree: 6}")
    varied = wired(tmp_path, "{fixed_indegree: 6 + int(j == 3)}")
    assert [p for p in varied if p[1] != 3] == [p for p in alone if p[1] != 3]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{fixed_indegree: j - 1}", r"NET186.*j = 0 shall have -1"),
        ("{fixed_indegree: 5*j}", r"NET186.*j = 3 shall have 15 synapses: only 12 different sources exist"),
        ("{fixed_outdegree: 5*i, autapses: false}", r"NET186.*i = 3 shall have 15 synapses: only 11"),
        ("{fixed_indegree: 2.5*j}", "NET186"),
        ("{fixed_indegree: i}", "NET185"),
        ("{fixed_total: 3*j}", "EQ201"),
        ("{p: 1/i}", r"NET182.*i = 0, j = 0 it is inf"),
        ("{p: 0.2*j}", r"NET182.*i = 0, j = 6 it is 1.2"),
        ("{p: .nan}", "EQ|NET182"),
        ('{j: "k for k in sample(5, p=2)"}', "NET182"),
        ('{j: "k for k in range(5, size=2)"}', "NET185"),
        ('{j: "j + 1"}', "NET185"),
        ('{i: "i + 1"}', "NET185"),
        ("{p: 0.1, n: 1.5}", "NET183"),
        ("{where: N_incoming > 3}", "NET185"),
        ("{j: i, n: i - 3}", r"NET183.*i = 0, j = 0 shall have -3 synapses: it is negative"),
        ('{j: "k for k in range(10**9*(i + 1))"}', "NET190.*too many"),
    ],
)
def test_impossible_numbers_are_refused_with_their_place(tmp_path: Path, rule: str, message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        wired(tmp_path, rule)


def test_connections_are_made_at_time_zero(tmp_path: Path) -> None:
    assert len(wired(tmp_path, "{where: t == 0*ms}")) == 144


def test_an_invalid_target_is_an_error_that_says_which(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"NET190.*12 \(of i = 11\)"):
        wired(tmp_path, '{j: "i + 1"}')


def test_a_sample_without_replacement_has_its_size(tmp_path: Path) -> None:
    found = wired(tmp_path, '{j: "k for k in sample(i + 1, size=1)"}')
    assert [i for i, _ in found] == list(range(12))
    assert all(j <= i for i, j in found)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ('"2:5"', [2, 3, 4]),
        ('"::5"', [0, 5, 10]),
        ('"-3:"', [9, 10, 11]),
        ("[7, 1]", [7, 1]),
        ("[-1, 0]", [11, 0]),
        ("i % 4 == 1", [1, 5, 9]),
        ("i >= N - 2", [10, 11]),
        ("12", list(range(12))),
    ],
)
def test_subgroups_are_slices_lists_conditions_and_sizes(tmp_path: Path, text: str, ids: list[int]) -> None:
    assert from_file(tmp_path, part=text).groups["a"].subgroups["part"].ids.tolist() == ids


@pytest.mark.parametrize("text", ['"5:20"', "[1, 1]", "[12]", "i > 50", '"5:5"', "[]"])
def test_impossible_selections_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ExperimentError):
        from_file(tmp_path, part=text)

"""Checking a file takes no memory by the size of its groups and subgroups."""

from __future__ import annotations

import resource
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnrun.errors import ExperimentError
from snnrun.metrics.check import check_metrics
from snnrun.model.network import NeuronSubset
from snnrun.resolve.resolve import resolve
from snnrun.resolve.rule_forms import _number_in_both
from snnrun.resolve.rules import _is_within
from snnrun.spec.check import parse_experiment
from snnrun.spec.load import load

FILE = """
version: 1
groups:
  g: {{size: {size}, equations: "v : 1", threshold: v > 1, subgroups: {{{subgroups}}}}}
{rest}
run: {{duration: 1 ms, dt: 0.1 ms}}
"""
MOST = 64 << 20


@pytest.fixture(autouse=True)
def small_memory() -> Iterator[None]:
    """A group of this size would need 16 GB for one array; such an array fails at once."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, before[1]))
    tracemalloc.start()
    yield
    tracemalloc.stop()
    resource.setrlimit(resource.RLIMIT_AS, before)


def check(folder: Path, size: str, subgroups: str, rest: str = "") -> None:
    path = folder / "x.yaml"
    path.write_text(FILE.format(size=size, subgroups=subgroups, rest=rest), encoding="utf-8")
    document = load(path)
    resolve(document, parse_experiment(document))
    assert tracemalloc.get_traced_memory()[1] < MOST


RULES = """[{fixed_indegree: 1, source: g.a, target: g.b, autapses: false}, {where: i == j}, one_to_one, {j: i},
    {p: exp(-abs(i - j)), source: g.b}, {fixed_indegree: int(1 + rand()), source: g.a}]"""


@pytest.mark.parametrize(
    ("subgroups", "rest"),
    [
        ('a: "0:1999999999:3", b: all', ""),
        ("a: 2000000000", ""),
        ("a: all", "monitors: {m: {kind: spikes, source: g.a}, n: {kind: state, source: g.a, variables: [v]}}"),
        ('a: "0:1000000000", b: "5:1999999999:2"', f"synapses: {{s: {{source: g, target: g, connect: {RULES}}}}}"),
        ('a: "0:1000000000:7"', "operations: {o: {target: g.a, every: 1 ms, do: v = i}}"),
        ("a: [1000000005, 1000000002, 1000000009]", "operations: {o: {target: g.a, every: 1 ms, do: v = i}}"),
        ('a: "7:"', "inputs: {p: {target: g.a, variable: v, size: 1, rate: 1 Hz, weight: i}}"),
        ('a: "7:"', 'inputs: {p: {target: g.a, variable: v, size: 1, rate: "i*1e-9*Hz", weight: i}}'),
        ("a: all", "monitors: {n: {kind: state, source: g.a, variables: [v], indices: [1999999999, 0, 5]}}"),
        ('a: "0:1999999999"', "monitors: {n: {kind: spikes, source: g.a, indices: [7, 1, 9]}}"),
    ],
)
def test_two_thousand_million_neurons_are_checked_in_little_memory(subgroups: str, rest: str, tmp_path: Path) -> None:
    check(tmp_path, "2000000000", subgroups, rest)


def test_metrics_are_checked_in_little_memory(tmp_path: Path) -> None:
    """Also those that need an array of the size of the group as soon as it spikes."""
    metrics = (
        "{a: count(s), b: mean(rates(s)), c: mean_rate(s), d: cv_isi(s), e: min(first_spikes(s)), f: 'fano(s, 1 ms)'}"
    )
    path = tmp_path / "x.yaml"
    path.write_text(FILE.format(size="2000000000", subgroups="a: all", rest="monitors: {s: {kind: spikes, source: g}}"))
    path.write_text(f"{path.read_text()}metrics: {metrics}\n")
    document = load(path)
    found = resolve(document, parse_experiment(document))
    assert check_metrics(found.context, found.network).terms.keys() == set("abcdef")
    assert tracemalloc.get_traced_memory()[1] < MOST


@pytest.mark.parametrize(
    ("subgroups", "rest", "message"),
    [
        ('a: "i % 3 == 1"', "", "NET120.*at most 16,777,216 elements"),
        ("a: all", 'monitors: {m: {kind: spikes, source: g, indices: "i > 5"}}', "NET120.*at most 16,777,216"),
        ("a: [5, 3, 1999999999]", "operations: {o: {target: g.a, every: 1 ms, do: v = i}}", "NET120.*too far apart"),
    ],
)
def test_what_would_take_much_memory_is_refused(subgroups: str, rest: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=message):
        check(tmp_path, "2000000000", subgroups, rest)


def ranges() -> st.SearchStrategy[range]:
    steps = st.sampled_from([1, 2, 3, 5, 12, -1, -2, -4])
    return st.builds(lambda a, n, s: range(a, a + n * s, s), st.integers(40, 60), st.integers(1, 9), steps)


@given(ranges(), ranges())
@settings(deadline=None)
def test_what_two_subgroups_share_is_counted_without_listing_them(a: range, b: range) -> None:
    x, y = NeuronSubset("g", "a", a, whole=False), NeuronSubset("g", "b", b, whole=False)
    assert _number_in_both(x, y) == len(set(a) & set(b))
    assert _is_within(x, y) == (set(a) <= set(b))


def test_a_large_part_is_not_within_a_short_list() -> None:
    few = NeuronSubset("g", "b", np.array([5, 3, 9]), whole=False)
    assert not _is_within(NeuronSubset("g", "a", range(2 * 10**9), whole=False), few)
    assert _is_within(NeuronSubset("g", "a", range(3, 7, 2), whole=False), few)

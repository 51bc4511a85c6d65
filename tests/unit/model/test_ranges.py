"""Ranges of targets: never too narrow, and narrow where the condition bounds j."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from snnrun.connect.partners import pairs_of
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.expected import expected_synapses
from snnrun.model.network import All, Network, Seeds
from snnrun.model.ranges import target_ranges
from snnrun.model.rule_values import Ground
from snnrun.resolve.resolve import resolve
from snnrun.spec.check import parse_experiment
from snnrun.spec.load import load

SIZE = 60
FILE = """
version: 1
constants: {{reach: 4}}
groups: {{a: {{size: {size}, equations: "v : 1"}}}}
synapses: {{s: {{source: a, target: a, connect: {{where: "{where}"}}}}}}
run: {{duration: 1 ms, dt: 0.1 ms}}
"""


def network(folder: Path, where: str, size: int = SIZE) -> Network:
    path = folder / "x.yaml"
    path.write_text(FILE.format(where=where, size=size), encoding="utf-8")
    document = load(path)
    return resolve(document, parse_experiment(document)).network


@pytest.mark.parametrize(
    ("where", "candidates"),
    [
        ("abs(i - j) < 4 and i != j", 11),
        ("abs(j - i) <= reach", 13),
        ("j == i + 1", 5),
        ("i//10 == j//10", 14),
        ("i + 1 > j and j >= i - 2", 7),
        ("2*j < 10 and 3 <= j", 6),
        ("abs(i - j) == 3 or j == i", 10),
        ("i < 5 and j > 50", 12),
        ("abs(i/N_pre - j/N_post) < 0.05", 11),
        ("-j + i > -3 and int(j/2.0) >= i//2", 9),
        ("not (i == j)", SIZE),
        ("(j - i) % N_post < 4", SIZE),
        ("j**2 < 10", SIZE),
        ("rand() < 0.5 and j < 10", 13),
        ("i > 100", 0),
    ],
)
def test_a_range_holds_every_pair_that_the_condition_does(tmp_path: Path, where: str, candidates: int) -> None:
    (rule,) = network(tmp_path, where).synapses["s"].connect
    assert isinstance(rule.rule, All)
    assert rule.rule.where is not None
    everyone = np.arange(SIZE)
    i, j = np.repeat(everyone, SIZE), np.tile(everyone, SIZE)
    seeds = Seeds(1, 1, 1, 1)

    def of(node, i, j):
        env = Environment(read=lambda v: {"i": i, "j": j}[v.name], elements=j, step=i, seeds=seeds)
        return np.broadcast_to(evaluate(node, env), i.shape)

    holds = of(rule.rule.where, i, j)
    low, high = target_ranges(rule.rule.where, "synapses.s", lambda n: of(n, everyone, everyone * 0), SIZE, SIZE)
    assert np.all((low[i] <= j) & (j < high[i]) | ~holds)
    assert np.max(high - low) <= candidates
    # and the rule makes just the pairs for which it holds
    made_i, made_j = pairs_of(rule, Ground("synapses.s", lambda *_: 0, seeds, 1e-4, {}))
    np.testing.assert_array_equal(made_i * SIZE + made_j, np.flatnonzero(holds))
    if "rand" not in where:
        assert expected_synapses(rule) == pytest.approx(np.count_nonzero(holds))


@pytest.mark.parametrize("p", [0.2, 1.0])
def test_a_probability_acts_within_the_range_of_a_condition(tmp_path: Path, p: float) -> None:
    network_ = network(tmp_path, "abs(i - j) < 6 and i != j")
    (rule,) = network_.synapses["s"].connect
    assert isinstance(rule.rule, All)
    possible = sum(1 for i in range(SIZE) for j in range(SIZE) if 0 < abs(i - j) < 6)
    rule_ = All(rule.rule.where, network_.graph.constant("p", p))
    found = 0
    for seed in range(50):
        i, j = pairs_of(
            type(rule)(rule_, rule.source, rule.target, "x", None),
            Ground("synapses.s", lambda *_: 0, Seeds(seed, 1, 1, 1), 1e-4, {}),
        )
        assert np.all((np.abs(i - j) < 6) & (i != j))
        assert np.all(np.diff(i * SIZE + j) > 0)
        found += len(i)
    spread = np.sqrt(50 * possible * p * (1 - p))
    assert abs(found - 50 * possible * p) <= 5 * spread


def test_the_number_that_a_condition_makes_is_known_from_some_of_the_sources(tmp_path: Path) -> None:
    (rule,) = network(tmp_path, "abs(i - j) < 4", 1_000_000).synapses["s"].connect
    tracemalloc.start()
    assert expected_synapses(rule) == pytest.approx(7e6, rel=0.01)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6

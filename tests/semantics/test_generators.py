"""Generator texts of `connect` give the partners that Python's loops give, for sources and for targets."""

from __future__ import annotations

import numpy as np
import pytest
from running import network_of, run_network

TEXT = """
constants: {d: 2}
groups:
  a: {size: 9, equations: "x : integer", initial: {x: i % 3}}
  b: {size: 6, equations: "y : integer", initial: {y: 2*i}, subgroups: {even: "0:6:2"}}
synapses: {s: {source: a, target: TARGET, connect: RULE}}
run: {duration: 1 ms, dt: 1 ms}
"""


def pairs(rule: str, target: str = "b") -> list[tuple[int, int]]:
    text = TEXT.replace("RULE", rule).replace("TARGET", target)
    _, built = run_network(network_of(text))
    made = built.connectivity["s"]
    return list(zip(made.i.tolist(), made.j.tolist(), strict=True))


A, B = range(9), range(6)
FORMS = {
    '{i: "k for k in range(j - 3, j + 4) if k != j", skip_if_invalid: true}': [
        (k, j) for j in B for k in range(j - 3, j + 4) if k != j and 0 <= k < 9
    ],
    '{i: "k for k in range(8, j, -2)"}': [(k, j) for j in B for k in range(8, j, -2)],
    '{i: "k + 1 for k in range(y_post % 5) if x_pre > 0"}': [
        (k + 1, j) for j in B for k in range(2 * j % 5) if (k + 1) % 3 > 0
    ],
    '{i: "j + d"}': [(j + 2, j) for j in B],
    '{i: "j + d", n: 2}': [(j + 2, j) for j in B for _ in range(2)],
    '{j: "k for k in range(i % 4)", n: 1 + j}': [(i, k) for i in A for k in range(i % 4) for _ in range(1 + k)],
}


@pytest.mark.parametrize("rule", FORMS)
def test_a_generator_gives_what_the_loop_gives(rule: str) -> None:
    assert pairs(rule) == FORMS[rule]


def test_a_generator_counts_within_a_subgroup() -> None:
    assert pairs('{i: "k for k in range(3*j, 3*j + 3)"}', "b.even") == [
        (3 * j + k, j) for j in range(3) for k in range(3)
    ]


def test_samples_are_different_partners_of_the_range() -> None:
    found = pairs('{i: "k for k in sample(1, 9, 2, size=3)"}')
    chosen = [[i for i, j in found if j == target] for target in B]
    assert all(len(set(c)) == 3 and set(c) <= {1, 3, 5, 7} for c in chosen)
    assert len({tuple(c) for c in chosen}) > 1


def test_samples_by_chance_and_p_take_their_share() -> None:
    text = TEXT.replace("size: 9", "size: 4000").replace("TARGET", "b")
    for rule in ('{i: "k for k in sample(N_pre, p=0.25)"}', '{i: "k for k in range(N_pre)", p: 0.25}'):
        _, built = run_network(network_of(text.replace("RULE", rule)))
        counts = np.bincount(built.connectivity["s"].j, minlength=6)
        assert np.all(np.abs(counts - 1000) < 6 * np.sqrt(4000 * 0.25 * 0.75))

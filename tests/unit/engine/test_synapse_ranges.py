"""Ranges: synapses of one source onto targets that follow one another, in the order of memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from running import network_of, run_network

from snnrun.codegen.arguments import ArrayUse, IntUse
from snnrun.codegen.kernel import generate
from snnrun.engine.build import build
from snnrun.engine.ranges import ranges_of

NETWORK = """
name: ranges
groups:
  pop:
    size: 64
    equations: |
      dv/dt = (1.2 - v + gap)/(10*ms) : 1
      gap : 1
    method: euler
    initial: {v: i/N}
synapses:
  s:
    source: pop
    target: pop
    equations: "gap_post = 0.01*(v_pre - v_post) : 1 (summed)"
    connect: CONNECT
run: {duration: 1 ms, dt: 0.1 ms}
"""


def ranges(rows: Any, post: Any, firsts: Any) -> list[int]:
    return ranges_of(np.array(rows), np.array(post, np.uint16), np.array(firsts)).tolist()


def test_a_range_ends_where_targets_do_not_follow_one_another() -> None:
    # source 0: 0 1 2, 4 5; source 1: nothing; source 2: 6 (it follows the 5 of source 0), and 6 once more
    assert ranges([[0, 5, 5, 7]], [0, 1, 2, 4, 5, 6, 6], [0, 7]) == [0, 3, 5, 6, 7]


def test_a_range_ends_where_another_thread_begins() -> None:
    # one source, whose targets 0 1 belong to one thread and 2 3 to another
    assert ranges([[0, 2], [2, 4]], [0, 1, 2, 3], [0, 2, 4]) == [0, 2, 4]


def test_the_highest_and_the_lowest_target_do_not_follow_one_another() -> None:
    assert ranges([[0, 2]], [65535, 0], [0, 2]) == [0, 1, 2]


def test_no_synapses_make_no_range() -> None:
    assert ranges([[0, 0, 0]], [], [0, 0]) == [0]


@pytest.mark.parametrize(
    ("connect", "divided"),
    [
        ("all", (64, 0)),
        ("{where: i != j}", (2 * 64 - 2, 0)),  # the first and the last source have one range, the others two
        ("one_to_one", (0, 64)),
        ("{where: i//8 == j//8}", (0, 64 * 8)),  # ranges of 8 are too short
    ],
)
def test_long_ranges_are_worked_on_as_such_and_short_ones_synapse_by_synapse(
    connect: str, divided: tuple[int, int]
) -> None:
    network = network_of(NETWORK.replace("CONNECT", connect))
    built = build(network, generate(network))
    work = [
        int(built.own_numbers[IntUse.HIGH.of(owner)].sum() - built.own_numbers[IntUse.LOW.of(owner)].sum())
        for owner in ("synapses.s.ranges", "synapses.s.scattered")
    ]
    assert tuple(work) == divided


def test_both_ways_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(NETWORK.replace("CONNECT", "{where: i != j}"))
    found = []
    for longest in (1, 1000):
        monkeypatch.setattr("snnrun.engine.ranges.LONG", longest)
        _, built = run_network(network)
        found.append(built.arrays[ArrayUse.VARIABLE.of("groups.pop", "v")])
    assert np.ptp(found[0]) > 0
    np.testing.assert_array_equal(*found)

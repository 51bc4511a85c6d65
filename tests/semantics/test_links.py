"""Linked variables: what they hold does not depend on the order of groups, and is the same in every way of running."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import differences
from networks import LINKS
from running import network_of, run_network

from snnrun.errors import ExperimentError

PAIR = {
    "a": '  a: {size: 3, equations: "dx/dt = y/(1*ms) : 1\\ny : 1 (linked)", linked: {y: b.x}, initial: {x: 1},'
    " method: euler, threshold: y > 3, reset: x = y}",
    "b": '  b: {size: 3, equations: "dx/dt = y/(1*ms) : 1\\ny : 1 (linked)", linked: {y: a.x}, initial: {x: 2},'
    " method: euler, threshold: y > 3, reset: x = y}",
}


def both(*names: str, more: str = "") -> str:
    groups = "\n".join(PAIR[name] for name in names)
    monitors = "".join(f"  {n}: {{kind: state, source: {n}, variables: [x], when: end}}\n" for n in sorted(names))
    return f"groups:\n{groups}\n{more}monitors:\n{monitors}run: {{duration: 2 ms, dt: 0.5 ms}}\n"


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_groups_that_read_each_other_see_values_of_the_start_of_the_step(order: tuple[str, str]) -> None:
    memory, _ = run_network(network_of(both(*order)))
    # step 1: a = 1 + 2/2, b = 2 + 1/2; step 2: a = 2 + 2.5/2 = 3.25, b = 2.5 + 2/2 = 3.5: both thresholds see the
    # other's new value, and both resets what the other was before its reset
    assert memory.state("a", "x")[:2, 0].tolist() == [2.0, 3.5]
    assert memory.state("b", "x")[:2, 0].tolist() == [2.5, 3.25]


def test_the_length_of_a_call_of_the_kernel_changes_nothing() -> None:
    found, compared = differences(network_of(LINKS), most=1)
    assert found == []
    assert compared > 100_000


def test_an_index_follows_a_constant_that_a_sweep_changes() -> None:
    text = (
        'constants: {k: 1}\ngroups:\n  a: {size: 3, equations: "x : 1", initial: {x: 10*i}}\n'
        '  b: {size: 2, equations: "y : 1 (linked)", linked: {y: {from: a.x, index: (i + k) % 3}}}\n'
        "monitors: {y: {kind: state, source: b, variables: [y]}}\nrun: {duration: 1 ms, dt: 1 ms}\n"
    )
    for k, expected in ((1, [10, 20]), (2, [20, 0])):
        memory, _ = run_network(network_of(text, f"constants.k={k}"))
        np.testing.assert_array_equal(memory.state("y", "y"), [expected])


@pytest.mark.parametrize(
    ("a", "b", "code"),
    [
        ("initial: {x: y}", "initial: {x: y}", "NET155"),  # each needs the other's
        ("initial: {y: 1}", "initial: {x: 1}", "NET140"),
        ("initial: {x: 1}, threshold: x > 1, reset: y = 1", "initial: {x: 1}", "EQ214"),
    ],
)
def test_what_cannot_be_is_refused(a: str, b: str, code: str) -> None:
    text = both("a", "b").replace("initial: {x: 1}, method: euler, threshold: y > 3, reset: x = y", a)
    text = text.replace("initial: {x: 2}, method: euler, threshold: y > 3, reset: x = y", b)
    with pytest.raises(ExperimentError) as caught:
        network_of(text)
    assert {d.code for d in caught.value.diagnostics} == {code}


def test_an_index_for_what_all_share_is_refused() -> None:
    text = (
        'groups:\n  a: {size: 3, equations: "x : 1 (shared)"}\n'
        '  b: {size: 2, equations: "y : 1 (linked)", linked: {y: {from: a.x, index: i}}}\n'
        "run: {duration: 1 ms, dt: 1 ms}\n"
    )
    with pytest.raises(ExperimentError, match="has one value for all"):
        network_of(text)

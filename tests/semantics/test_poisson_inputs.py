"""Poisson inputs whose rate and weight follow time, arrays, variables of the target and phases: moments of theory."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import assert_agreement
from running import network_of, run_network

VARIED = """
constants: {n: 40}
arrays:
  up: {times: [0 ms, 20 ms, 60 ms], values: [0, 100, 20], unit: Hz, between: linear}
  kinds: {values: [[10, 300], [200, 5]], unit: Hz, dt: 40 ms}
groups:
  g: {size: 10000, equations: "a : 1\\nb : 1\\nc : 1\\ngain : 1", initial: {gain: 1 + i % 2}}
inputs:
  timed: {target: g, variable: a, size: n, rate: up(t), weight: 0.5 + sin(2*pi*t/(30*ms))}
  typed: {target: g, variable: b, size: n, rate: "kinds(t, i % 2)", weight: gain*t/second}
  weighed: {target: g, variable: c, size: n, rate: 50 Hz, weight: up(t)/Hz}
monitors: {m: {kind: state, source: g, variables: [a, b, c], dt: 80 ms, when: end}}
run: {duration: 81 ms, dt: 1 ms}
"""


def moments_agree(values: np.ndarray, p: np.ndarray, weight: np.ndarray, n: int = 40) -> None:
    """The sum over steps of weight * Binomial(n, p): its mean and variance, each within five standard errors."""
    mean, variance = (n * p * weight).sum(), (n * p * (1 - p) * weight**2).sum()
    assert values.mean() == pytest.approx(mean, abs=5 * np.sqrt(variance / values.size))
    assert values.var() == pytest.approx(variance, rel=5 * np.sqrt(2.5 / values.size))


def test_counts_are_binomial_at_the_rate_and_with_the_weight_of_each_step() -> None:
    memory, _ = run_network(network_of(VARIED))
    a, b, c = (memory.state("m", name)[1] for name in "abc")
    t = np.arange(81.0)
    up = np.interp(t, [0, 20, 60], [0, 100, 20])
    moments_agree(a, up * 1e-3, 0.5 + np.sin(2 * np.pi * t / 30))
    for kind, rates in enumerate(([10, 200], [300, 5])):
        rate = np.where(t < 40, *rates)
        moments_agree(b[kind::2], rate * 1e-3, (1 + kind) * t * 1e-3)
    moments_agree(c, np.full(81, 0.05), up)


PHASED = """
constants: {w: 1, r: 100 Hz}
arrays: {up: {times: [0 ms, 10 ms, 20 ms], values: [0, 1, 3], between: linear}}
groups:
  g: {size: 5, equations: "a : 1\\nb : 1\\nc : 1"}
inputs:
  fixed: {target: g, variable: a, size: 100, rate: r, weight: wIN_SOME}
  moving: {target: g, variable: b, size: 100, rate: r*up(t), weight: w*up(t)IN_SOME}
  always: {target: g, variable: c, size: 100, rate: r, weight: w + 0.1*a}
monitors: {m: {kind: state, source: g, variables: [a, b, c]}}
run:
  dt: 0.1 ms
  phases:
    - {name: one, duration: 3 ms}
    - {name: two, duration: 3 ms, set: {w: 2}}
    - {name: three, duration: 3 ms, set: {r: 300 Hz}}
"""


def steps_of(text: str, name: str) -> np.ndarray:
    """What is added in each step, shape (steps - 1, neurons)."""
    memory, _ = run_network(network_of(text))
    return np.diff(memory.state("m", name), axis=0)


@pytest.mark.parametrize("name", ["a", "b"])
def test_an_input_acts_in_its_phases_only_and_there_as_it_always_would(name: str) -> None:
    some = steps_of(PHASED.replace("IN_SOME", ", phases: [one, three]"), name)
    every = steps_of(PHASED.replace("IN_SOME", ""), name)
    assert not some[30:60].any()
    assert every[30:60].any()
    assert some[:30].any()
    within = [*range(30), *range(60, 89)]
    # differences of sums are not exact, counts are: the same events with the same weights
    np.testing.assert_allclose(some[within], every[within], rtol=0, atol=1e-12)


def test_constants_of_phases_change_rate_and_weight() -> None:
    text = PHASED.replace("IN_SOME", "").replace("size: 5", "size: 4000").replace("w + 0.1*a", "w")
    added = steps_of(text, "c")
    for first, rate, weight in ((0, 100, 1), (30, 100, 2), (60, 300, 2)):
        steps = 29 if first == 60 else 30
        moments_agree(
            added[first : first + steps].sum(axis=0), np.full(steps, rate * 1e-4), np.full(steps, float(weight)), 100
        )


def test_kernel_and_oracle_agree_in_all_phases() -> None:
    assert_agreement(PHASED.replace("IN_SOME", ", phases: [two]"))


def test_all_repetitions_of_a_phase_count() -> None:
    text = PHASED.replace("IN_SOME", ", phases: [one]")
    text = (
        text[: text.index("  phases:")]
        + "  phases: [{repeat: 2, phases: [{name: one, duration: 2 ms}, {name: two, duration: 2 ms}]}]"
    )
    added = steps_of(text, "a")
    active = [bool(added[k : k + 20].any()) for k in range(0, 79, 20)]
    assert active == [True, False, True, False]

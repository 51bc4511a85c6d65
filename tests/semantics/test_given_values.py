"""Values that a file gives several of: lists, list arithmetic, ranges; 0 without a unit; groups without equations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from oracle import interpret
from running import final, network_of, resolved, run_kernel, run_network
from scipy import stats

from snnrun.errors import ExperimentError, Severity

ONE = """
groups:
  g: {size: 4, equations: "v : volt\\nn : integer\\nx : 1", INITIAL}
run: {duration: 5 ms, dt: 0.1 ms}
"""
FOUR = [
    "[0 mV, 1 mV, 2 mV, 3 mV]",
    '"[0, 1, 2, 3]*mV"',
    "{range: [0 mV, 4 mV, 1 mV]}",
    "{linspace: [0 mV, 3 mV], num: 4}",
]


def problem(text: str) -> tuple[str, str, int]:
    with pytest.raises(ExperimentError) as caught:
        resolved(f"version: 1\nname: test\n{text}")
    (found,) = (d for d in caught.value.diagnostics if d.severity is Severity.ERROR)
    assert found.span is not None
    return found.code, found.message, found.span.line


@pytest.mark.parametrize("listed", FOUR)
def test_initial_values_take_lists_and_ranges(listed: str) -> None:
    built = run_network(network_of(ONE.replace("INITIAL", f"initial: {{v: {listed}}}")))[1]
    assert final(built, "groups.g", "v") == pytest.approx([0, 1e-3, 2e-3, 3e-3], rel=1e-15)


def test_ranges_of_whole_numbers_and_of_ratios() -> None:
    built = run_network(network_of(ONE.replace("INITIAL", "initial: {n: {range: [3, -1, -1]}}")))[1]
    assert final(built, "groups.g", "n").tolist() == [3, 2, 1, 0]
    built = run_network(network_of(ONE.replace("INITIAL", "initial: {x: {logspace: [1, 1000], num: 4}}")))[1]
    assert final(built, "groups.g", "x") == pytest.approx([1, 10, 100, 1000], rel=1e-14)
    assert problem(ONE.replace("INITIAL", "initial: {n: {linspace: [0, 1], num: 4}}"))[0] == "EQ213"


@pytest.mark.parametrize(
    ("listed", "code"),
    [
        ("{range: [0 mV, 3 mV, 1 mV]}", "NET141"),
        ("{range: [0 mV, 3 ms, 1 mV]}", "EQ209"),
        ("{range: [0 mV, 3 mV, 0 mV]}", "NET139"),
        ("{range: [3 mV, 0 mV, 1 mV]}", "NET139"),
        ("{range: [0 mV, 1 V, 1 nV]}", "NET139"),
        ("{linspace: [0 mV, inf*mV], num: 3}", "NET139"),
        ("{linspace: [0 mV, 3 mV], num: 1000000000}", "NET139"),
        ("{logspace: [0 mV, 3 mV], num: 4}", "NET139"),
    ],
)
def test_ranges_that_hold_nothing_or_too_much_are_refused(listed: str, code: str) -> None:
    assert problem(ONE.replace("INITIAL", f"initial: {{v: {listed}}}"))[::2] == (code, 5)


TIMES = ["[1 ms, 2 ms, 3 ms]", '"[1, 2, 3]*ms"', "{range: [1 ms, 4 ms, 1 ms]}", "{linspace: [1 ms, 3 ms], num: 3}"]


@pytest.mark.parametrize("times", TIMES)
def test_given_spikes_and_operations_take_lists_and_ranges_of_times(times: str) -> None:
    memory = run_kernel(f"""
groups:
  s: {{kind: spikes, size: 3, indices: [0, 1, 2], times: {times}}}
  r: {{kind: spikes, size: 3, indices: {{range: [0, 3, 1]}}, times: {times}}}
  one: {{kind: spikes, size: 3, indices: 2, times: {times}}}
  g: {{size: 1, equations: "x : 1"}}
operations: {{o: {{target: g, at: {times}, do: x += 1}}}}
monitors:
  s: {{kind: spikes, source: s}}
  r: {{kind: spikes, source: r}}
  one: {{kind: spikes, source: one}}
  x: {{kind: state, source: g, variables: [x], indices: {{range: [0, 1, 1]}}}}
run: {{duration: 5 ms, dt: 0.1 ms}}
""")
    for name, who in (("s", [0, 1, 2]), ("r", [0, 1, 2]), ("one", [2, 2, 2])):
        steps, ids = memory.spike_steps(name)
        assert steps.tolist() == [10, 20, 30]
        assert ids.tolist() == who
    assert (np.flatnonzero(np.diff(memory.state("x", "x")[:, 0])) + 1).tolist() == [10, 20, 30]


@pytest.mark.parametrize("delay", ["[1 ms, 2 ms, 3 ms]", '"[1, 2, 3]*ms"', "{range: [1 ms, 4 ms, 1 ms]}"])
@pytest.mark.parametrize("where", ["on_pre: x_post = t/ms, delay: {}", "on_pre: {{do: x_post = t/ms, delay: {}}}"])
def test_delays_take_lists_and_ranges(delay: str, where: str) -> None:
    built = run_network(
        network_of(f"""
groups:
  s: {{kind: spikes, size: 1, indices: 0, times: 0}}
  g: {{size: 3, equations: "x : 1"}}
synapses: {{syn: {{source: s, target: g, connect: all, {where.format(delay)}}}}}
run: {{duration: 5 ms, dt: 0.1 ms}}
""")
    )[1]
    assert final(built, "groups.g", "x") == pytest.approx([1, 2, 3])


@pytest.mark.parametrize(
    "values", ["[0 nA, 1 nA, 2 nA]", '"[0, 1, 2]*nA"', "{range: [0 nA, 3 nA, 1 nA]}", "[0, 1 nA, 2 nA]"]
)
def test_arrays_take_lists_list_arithmetic_and_ranges(values: str) -> None:
    network = network_of(f"""
arrays: {{a: {{values: {values}, dt: 1 ms}}}}
groups: {{g: {{size: 1, equations: "I = a(t) : amp"}}}}
run: {{duration: 1 ms, dt: 0.1 ms}}
""")
    assert network.arrays["a"].values.tolist() == pytest.approx([0, 1e-9, 2e-9])


# zero


def test_a_literal_zero_needs_no_unit() -> None:
    built = run_network(
        network_of("""
groups:
  g:
    size: 2
    equations: |
      dv/dt = 0 : volt
      I = clip(w, 0, 2*mV) : volt
      w : volt
      y = int(v >= 0) + int(0 < w) + int(w > 0.0) : 1
    threshold: t > 0 and w > 0
    reset: w = 0
    initial: {v: 0, w: [0, 5 mV]}
operations: {o: {target: g, at: 0, do: v = 0}}
monitors: {m: {kind: state, source: g, variables: [I, y, w]}}
run: {duration: 1 ms, dt: 0.1 ms}
""")
    )
    memory = built[0]
    assert memory.state("m", "I")[0] == pytest.approx([0, 2e-3])
    assert memory.state("m", "y")[0].tolist() == [1, 3]
    assert memory.state("m", "w")[-1].tolist() == [0, 0]


@pytest.mark.parametrize("number", ["1", "0.5", "zero"])
def test_other_numbers_without_a_unit_are_refused(number: str) -> None:
    text = ONE.replace("INITIAL", f"initial: {{v: {number}}}").replace("groups:", "constants: {zero: 0}\ngroups:")
    assert problem(text)[0] == "EQ209"
    assert problem(ONE.replace("INITIAL", f"threshold: v > {number}".replace("zero", "2")))[0] == "EQ203"


# sources of spikes


def test_a_threshold_needs_no_equations() -> None:
    steps, ids = run_kernel("""
groups: {g: {size: 2, threshold: t > 0.25*ms and t < 0.55*ms and i == 1}}
monitors: {m: {kind: spikes, source: g}}
run: {duration: 1 ms, dt: 0.1 ms}
""").spike_steps("m")
    assert steps.tolist() == [3, 4, 5]
    assert ids.tolist() == [1, 1, 1]
    assert problem("groups:\n  g: {size: 2}\nrun: {duration: 1 ms, dt: 0.1 ms}")[::2] == ("NET136", 4)


TWICE = """
groups:
  s: {kind: spikes, size: 2, indices: [0, 1, 0, 1], times: [1.00 ms, 1.04 ms, 1.04 ms, 2 ms]MORE}
monitors: {m: {kind: spikes, source: s}}
run: {duration: 3 ms, dt: 0.1 ms}
"""


def test_two_spikes_in_one_step_are_named_or_taken_as_one() -> None:
    code, message, _ = problem(TWICE.replace("MORE", ""))
    assert code == "NET161"
    assert "neuron 0" in message
    assert "at 1 ms and 1.04 ms" in message
    assert problem(TWICE.replace("MORE", ", duplicates: error"))[0] == "NET161"
    for period in ("", ", period: 3 ms"):
        steps, ids = run_kernel(TWICE.replace("MORE", f", duplicates: merge{period}")).spike_steps("m")
        assert steps.tolist() == [10, 10, 20]
        assert ids.tolist() == [0, 1, 1]


# times of operations


@pytest.mark.parametrize(
    ("times", "code"),
    [
        ("at: -1 ms", "NET102"),
        ("at: [1 ms, -1 ms]", "NET102"),
        ("at: 0.15 ms", "NET102"),
        ("at: inf*ms", "NET102"),
        ("at: 1 mV", "EQ209"),
        ("at: []", "NET139"),
        ("every: 0 ms", "NET102"),
        ("every: -1 ms", "NET102"),
        ("every: inf*ms", "NET102"),
        ("every: 0.15 ms", "NET102"),
    ],
)
def test_impossible_times_of_operations_are_refused(times: str, code: str) -> None:
    text = ONE.replace("INITIAL", "order: 0") + f"operations:\n  o: {{target: g, do: x += 1, {times}}}\n"
    assert problem(text)[::2] == (code, 8)


@pytest.mark.parametrize(
    ("times", "number"), [("at: 5 ms", 0), ("at: [1 ms, 7 ms]", 1), ("every: 5 ms", 1), ("every: 9 s", 1)]
)
def test_times_after_the_end_are_a_warning(times: str, number: int) -> None:
    text = ONE.replace("INITIAL", "order: 0") + f"operations:\n  o: {{target: g, do: x += 1, {times}}}\n"
    (found,) = resolved(text).warnings
    assert found.code == "NET213"
    assert found.span is not None
    assert final(run_network(network_of(text))[1], "groups.g", "x").tolist() == [number] * 4


# inputs

INPUT = """
arrays: {a: {values: "[0, 10000]*Hz", dt: 5 ms}}
groups: {g: {size: SIZE, equations: "x : 1\\nr : Hz", initial: {r: 10000*Hz*int(i == 1)}, subgroups: {low: "0:2"}}}
inputs: {n: {target: TARGET, variable: x, size: TRAINS, rate: RATE, weight: 1}}
monitors: {m: {kind: state, source: g, variables: [x]}}
run: {duration: 10 ms, dt: 0.1 ms}
"""


def events(rate: str, size: int = 3, trains: int = 7, target: str = "g") -> NDArray[np.float64]:
    """The number of events of each step and neuron, the same in the kernel and in the oracle; shape (99, size)."""
    text = INPUT.replace("SIZE", str(size)).replace("TRAINS", str(trains)).replace("RATE", rate)
    network = network_of(text.replace("TARGET", target))
    x = run_network(network)[0].state("m", "x")
    assert np.array_equal(x, run_network(replace(network, threads=2), most=7)[0].state("m", "x"))
    assert np.array_equal(x, interpret(network).state("m", "x"))
    return np.diff(x, axis=0)


def test_the_rate_of_an_input_follows_time_arrays_and_neurons() -> None:
    """At 10 kHz each of 7 trains has an event in each step of 0.1 ms, at 0 Hz none."""
    late = np.where(np.arange(99) < 50, 0.0, 7.0)
    for rate in ("10000*Hz*int(t >= 5*ms)", "a(t)"):
        assert np.array_equal(events(rate), np.repeat(late[:, None], 3, axis=1))
    for rate in ("10000*Hz*int(i == 1)", "r"):
        assert np.array_equal(events(rate), np.tile([0.0, 7.0, 0.0], (99, 1)))
    assert np.array_equal(events("10000*Hz*int(i == 1)", target="g.low"), np.tile([0.0, 7.0, 0.0], (99, 1)))


@pytest.mark.parametrize(("trains", "p"), [(7, 0.3), (40, 0.1), (40, 0.8), (100, 0.5), (10_000, 0.02), (1000, 1e-4)])
def test_events_of_a_rate_that_follows_time_are_binomial(trains: int, p: float) -> None:
    counts = events(f"{p * 10_000!r}*Hz + 0*Hz*t/ms", size=300, trains=trains).ravel()
    expected = stats.binom.pmf(np.arange(trains + 1), trains, p) * counts.size
    found = np.bincount(counts.astype(int), minlength=trains + 1)
    kept = expected >= 10
    chi, free = ((found - expected)[kept] ** 2 / expected[kept]).sum(), kept.sum()
    assert stats.chi2.sf(chi, free) > 1e-6
    assert abs(found[~kept].sum() - expected[~kept].sum()) < 5 * np.sqrt(expected[~kept].sum() + 1)


def test_rates_of_inputs_that_are_wrong_are_refused() -> None:
    for rate, code in (
        ("20 kHz", "NET132"),
        ("-1 Hz", "NET132"),
        ("1 mV", "EQ209"),
        ("t", "EQ209"),
        ("100*kHz*i", "NET132"),
        ("3*a(t)", "NET132"),
        ("rand()*Hz", "EQ208"),
    ):
        assert (
            problem(INPUT.replace("SIZE", "3").replace("TRAINS", "7").replace("RATE", rate).replace("TARGET", "g"))[0]
            == code
        )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_merging_duplicates_of_random_trains_is_of_use_with_any_seed(seed):
    text = """
name: trains
groups:
  s: {kind: spikes, size: 4, times: {every: 1 ms, jitter: 0.5 ms, until: 20 ms}, duplicates: merge}
run: {duration: 20 ms, dt: 0.1 ms}
"""
    assert network_of(text, f"seed={seed}").groups["s"].schedule is not None

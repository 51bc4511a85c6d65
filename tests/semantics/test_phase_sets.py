"""What phases set: it changes the run, or is refused by name; nothing is taken and ignored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from oracle import interpret
from running import network_of, resolved, run_network, simulation_of

from snnrun.codegen.kernel import generate
from snnrun.engine.build import build
from snnrun.engine.values import Built, value_now
from snnrun.errors import ExperimentError

BASE = """
constants: {CONSTANTS}
groups:
  g:
    size: 3
    equations: |
      dv/dt = K1/second : 1
      x : 1
      n : integer
      b : boolean
    initial: {x: 1}
    subgroups: {low: "0:2"}
run:
  dt: 0.1 ms
  phases:
    - {name: a, duration: 1 ms}
    - {name: b, duration: 1 ms, set: {SET}}
"""


def finals(sets: str, constants: str = "K1: 0", base: str = BASE) -> dict[str, list[float]]:
    """The variables of `g` at the end."""
    text = base.replace("{CONSTANTS}", f"{{{constants}}}").replace("{SET}", f"{{{sets}}}")
    built = run_network(network_of(text))[1]
    return {
        name: np.atleast_1d(value_now(built, built.network, "groups.g", name, 0)).tolist()
        for name in ("v", "x", "n", "b")
    }


def problems(sets: str, constants: str = "K1: 0", base: str = BASE) -> list[tuple[str, str]]:
    text = base.replace("{CONSTANTS}", f"{{{constants}}}").replace("{SET}", f"{{{sets}}}")
    with pytest.raises(ExperimentError) as caught:
        resolved(text)
    assert all(d.span is not None for d in caught.value.diagnostics)
    return [(d.code, d.message) for d in caught.value.diagnostics]


def test_lists_give_each_neuron_its_value() -> None:
    assert finals("g.x: [1, 2, 3]")["x"] == [1, 2, 3]
    assert finals('g.x: "[1, 2, 3]*2"')["x"] == [2, 4, 6]
    assert finals("g.n: [1, 2, 3]")["n"] == [1, 2, 3]
    assert finals("g.b: [true, false, true]")["b"] == [1, 0, 1]


@pytest.mark.parametrize("listed", ["[1, 2]", "[1, 2, 3, 4]", '"[1, 2]"'])
def test_lists_of_the_wrong_length_are_refused_with_both_lengths(listed: str) -> None:
    ((code, message),) = problems(f"g.x: {listed}")
    assert code == "NET141"
    assert "3" in message
    assert str(listed.count(",") + 1) in message


def test_rules_set_where_their_condition_holds() -> None:
    assert finals("g.x: [{where: i > 0, value: 5}]")["x"] == [1, 5, 5]
    assert finals("g.x: {where: i == 1, value: 2*i}")["x"] == [1, 2, 1]
    assert finals("g.x: [{value: 7}, {where: i == 1, value: x + i}]")["x"] == [7, 8, 7]


@pytest.mark.parametrize("value", ["[1, 2, 3]", "{where: i > 1, value: 3}", "[{value: 1}]", "{file: x.npy}"])
def test_a_constant_takes_one_value(value: str) -> None:
    ((code, message),) = problems(f"K1: {value}")
    assert code == "NET143"
    assert "K1" in message


def test_values_are_computed_with_the_constants_of_their_phase() -> None:
    """Also where the constant is set by an earlier phase, or derived from one that is."""
    assert finals("K1: 5, g.x: K1*2")["x"] == [10, 10, 10]
    assert finals("K1: 5, g.x: D", constants="K1: 0, D: 3*K1")["x"] == [15, 15, 15]
    later = BASE + "    - {name: c, duration: 1 ms, set: {g.x: 10*K1 + i}}\n"
    assert finals("K1: 5", base=later)["x"] == [50, 51, 52]


def test_a_whole_number_may_become_another_number() -> None:
    """`K1: 1` counts as a whole number until a phase sets 2.5: 1 ms each."""
    assert finals("K1: 2.5", constants="K1: 1")["v"] == pytest.approx([3.5e-3] * 3)
    assert finals("K1: 2", constants="K1: 1.5")["v"] == pytest.approx([3.5e-3] * 3)
    assert finals("K0: 2.5", constants="K0: 1, K1: 2*K0")["v"] == pytest.approx([7e-3] * 3)


def test_constants_of_a_group_can_be_set() -> None:
    base = BASE.replace("    size: 3", "    size: 3\n    constants: {k: 2*K1}").replace("K1/second", "k/second")
    assert finals("g.k: 4", constants="K1: 1", base=base)["v"] == pytest.approx([6e-3] * 3)
    assert finals("K1: 3", constants="K1: 1", base=base)["v"] == pytest.approx([8e-3] * 3)


def test_what_nothing_reads_is_refused() -> None:
    assert problems("UNUSED: 2", constants="K1: 0, UNUSED: 1")[0][0] == "NET145"
    shadowed = problems("x: 2", constants="K1: 0, x: 1")  # the group's own x
    assert shadowed == [("NET145", "nothing in the run reads `x`: setting it changes nothing")]


def test_a_constant_that_initial_values_read_too_is_a_warning() -> None:
    text = BASE.replace("{x: 1}", "{x: K1}").replace("{CONSTANTS}", "{K1: 0}").replace("{SET}", "{K1: 2}")
    (found,) = resolved(text).warnings
    assert found.code == "NET146"
    assert "groups.g.initial.x" in found.message
    assert problems("K2: 2", constants="K1: 0, K2: 1", base=BASE.replace("{x: 1}", "{x: K2}"))[0][0] == "NET145"


SYNAPSES = BASE.replace(
    "run:",
    """
  p: {kind: poisson, size: 2, rates: 0 Hz}
synapses:
  s: {source: p, target: g, equations: "w : 1", connect: all, on_pre: x_post += w}
run:""",
)


def test_a_list_for_synapses_is_counted_before_the_run() -> None:
    text = SYNAPSES.replace("{CONSTANTS}", "{K1: 0}")
    built = run_network(network_of(text.replace("{SET}", "{s.w: [0, 1, 2, 3, 4, 5]}")))[1]
    assert value_now(built, built.network, "synapses.s", "w", 0).tolist() == [0, 1, 2, 3, 4, 5]
    for connect in ("all", "{where: i + j < 9}"):  # their number is known when the file is read, or when they are made
        for listed in ("[0, 1, 2]", '"2*[0, 1, 2]"'):
            with pytest.raises(ExperimentError) as caught:
                built_of(text.replace("{SET}", f"{{s.w: {listed}}}").replace("connect: all", f"connect: {connect}"))
            (found,) = caught.value.diagnostics
            assert found.code == "NET141"
            assert "3 values" in found.message
            assert "6" in found.message
            assert found.span is not None


def built_of(text: str) -> Built:
    """A network before its first step."""
    network = network_of(text)
    return build(network, generate(network))


# delays

DELAYS = """
constants: {d: 2 ms}
groups:
  src: {kind: spikes, size: 1, indices: 0, times: [5 ms, 9 ms, 10 ms, 10.5 ms, 25 ms]}
  t: {size: 2, equations: "x : 1", threshold: t > 11.05*ms and t < 11.15*ms}
synapses:
  s: {source: src, target: t, connect: CONNECT, on_pre: ON_PRE, delay: DELAY}
monitors:
  m: {kind: state, source: t, variables: [x]}
run:
  dt: 0.1 ms
  phases:
    - {name: a, duration: 10 ms}
    - {name: b, duration: 10 ms, set: {SET}}
    - {name: c, duration: 10 ms, set: {d: 2 ms}}
"""
SENT = np.array([50, 90, 100, 105, 250])


def arrivals(sets: str, delay: str = "d", connect: str = "all", on_pre: str = "x_post += 1") -> list[list[int]]:
    """For each target, the steps in which x grows, once for each time; the kernel and the oracle agree on them."""
    text = DELAYS.replace("{SET}", f"{{{sets}}}").replace("CONNECT", connect)
    network = network_of(text.replace("ON_PRE", on_pre).replace("DELAY", delay))
    x = run_network(network)[0].state("m", "x")
    assert np.array_equal(x, interpret(network).state("m", "x"))
    return [np.repeat(np.arange(len(x) - 1), np.diff(x[:, k]).astype(int)).tolist() for k in range(2)]


def sent_with(first: int, second: int, third: int = 20) -> list[int]:
    """Arrivals of spikes that keep the delay that counted when they were sent."""
    return sorted(SENT + np.where(SENT < 100, first, np.where(SENT < 200, second, third)))


@pytest.mark.parametrize("sets", ["d: 1 ms", "s.delay: 1 ms", "s.delay: 10*dt", "d: 1 ms, s.delay: d"])
def test_a_spike_under_way_keeps_its_delay(sets: str) -> None:
    """The spike of 9 ms arrives at 11 ms, with that of 10 ms."""
    third = 20 if sets == "d: 1 ms" or sets.endswith("d") else 10
    assert arrivals(sets) == [sent_with(20, 10, third)] * 2


def test_a_longer_delay_counts_from_the_phase_on() -> None:
    assert arrivals("d: 12 ms") == [sent_with(20, 120)] * 2
    assert arrivals("d: 0 ms") == [sent_with(20, 0)] * 2


def test_delays_of_each_synapse_can_be_set() -> None:
    assert arrivals("d: 1 ms", delay="d + j*0.3*ms") == [sent_with(20, 10), sent_with(23, 13, 23)]
    assert arrivals("s.delay: [1 ms, 3 ms]") == [sent_with(20, 10, 10), sent_with(20, 30, 30)]
    assert arrivals("s.delay: d", delay="[1 ms, 3 ms]") == [sent_with(10, 20), sent_with(30, 20)]
    drawn = arrivals("s.delay: 1*ms + 2*ms*rand()")
    assert drawn[0] != drawn[1]


def test_delays_of_rules_and_of_pathways_can_be_set() -> None:
    rules = "[{i: 0, j: 0, delay: d}, {i: 0, j: 1}]"
    assert arrivals("d: 1 ms", delay="0.5 ms", connect=rules) == [sent_with(20, 10), sent_with(5, 5, 5)]
    assert arrivals("s.delay: 1 ms", delay="0.5 ms", connect=rules) == [sent_with(20, 20), sent_with(5, 10, 10)]
    one = "{do: x_post += 1, delay: d}"
    assert arrivals("s.on_pre.delay: 1 ms", on_pre=one) == [sent_with(20, 10, 10)] * 2
    two = "{fast: {do: x_post += 1, delay: 0.5 ms}, slow: {do: x_post += 1, delay: d}}"
    found = arrivals("s.on_pre.fast.delay: 1 ms", on_pre=two)[0]
    assert found == sorted([*sent_with(5, 10, 10), *sent_with(20, 20, 20)])


def test_a_delay_of_synapses_on_their_targets_spikes_can_be_set() -> None:
    text = DELAYS.replace("{SET}", "{s.on_post.delay: 5 ms}").replace("CONNECT", "all").replace("DELAY", "d")
    text = text.replace("ON_PRE", "x_post += 0, on_post: {do: x_post += 1, delay: 10 ms}")
    network = network_of(text)
    x = run_network(network)[0].state("m", "x")
    assert np.flatnonzero(np.diff(x[:, 0])).tolist() == [161]
    assert np.array_equal(x, interpret(network).state("m", "x"))


def test_delays_of_many_synapses_can_be_set() -> None:
    """Those that compiled code makes (over 100,000), on several threads too."""
    text = """
groups:
  src: {kind: poisson, size: 320, rates: 100 Hz}
  t: {size: 320, equations: "x : 1"}
synapses:
  s: {source: src, target: t, connect: all, on_pre: x_post += 1 + j_in, delay: DELAY, equations: "j_in = j/100 : 1"}
monitors: {m: {kind: state, source: t, variables: [x], indices: [0, 200, 319]}}
run:
  dt: 0.1 ms
  phases: [{name: a, duration: 4 ms}, {name: b, duration: 4 ms, set: {s.delay: SET}}]
"""
    for delay, later in (("1 ms", "2 ms"), ("1 ms", "(j % 7)*0.2*ms"), ("(j % 7)*0.2*ms", "0.3 ms")):
        network = network_of(text.replace("DELAY", delay).replace("SET", later))
        x = run_network(network)[0].state("m", "x")
        assert np.array_equal(x, run_network(replace(network, threads=2))[0].state("m", "x"))
        if "j" in later:  # the oracle is slow with so many synapses
            assert np.array_equal(x, interpret(network).state("m", "x"))
        assert x[-1].min() > 0


def test_a_phase_that_ends_early_moves_where_delays_change() -> None:
    text = DELAYS.replace("{SET}", "{d: 1 ms}").replace("CONNECT", "all").replace("ON_PRE", "x_post += 1")
    network = network_of(text.replace("DELAY", "d"))
    simulation, memory = simulation_of(network)
    simulation.run(lambda step: simulation.timeline.end_phases({0: 52}) if step == 52 else None, most=26)
    assert np.flatnonzero(np.diff(memory.state("m", "x")[:, 0])).tolist() == [70, 100, 110, 115]


def test_delays_between_two_steps_are_named_and_impossible_ones_refused() -> None:
    text = DELAYS.replace("CONNECT", "all").replace("ON_PRE", "x_post += 1").replace("DELAY", "d")
    (found,) = resolved(text.replace("{SET}", "{s.delay: 0.15 ms}")).warnings
    assert found.code == "NET162"
    assert "200 us (2 steps)" in found.message
    for sets, code in (
        ("{s.delay: -1 ms}", "NET174"),
        ("{s.delay: 1 mV}", "EQ209"),
        ("{s.on_pre.delay: 1 ms}", "NET143"),
        ("{s.on_post.delay: 1 ms}", "NET143"),
        ("{s.delay: x_post*ms}", "NET138"),
    ):
        with pytest.raises(ExperimentError) as caught:
            resolved(text.replace("{SET}", sets))
        assert {d.code for d in caught.value.diagnostics} == {code}, sets
        assert all(d.span.line == 16 for d in caught.value.diagnostics if d.span is not None), sets
    own = text.replace("x_post += 1", "{do: x_post += 1, delay: 1 ms}")
    with pytest.raises(ExperimentError) as caught:
        resolved(own.replace("{SET}", "{s.delay: 1 ms}"))
    assert caught.value.diagnostics[0].code == "NET145"


# rates

RATES = """
constants: {r: 0 Hz}
groups:
  p: {kind: poisson, size: 3, rates: RATES}
  g: {size: 3, equations: "x : 1"}
inputs: {in_: {target: g, variable: x, size: 10, rate: r, weight: 1}}
OPERATIONS
monitors: {m: {kind: spikes, source: p}, s: {kind: state, source: g, variables: [x]}}
run:
  dt: 0.1 ms
  phases:
    - {name: a, duration: 10 ms}
    - {name: b, duration: 10 ms, set: {SET}}
    - {name: c, duration: 10 ms, set: {LAST}}
"""
CERTAIN = "10 kHz"  # a spike in each step


def rated(sets: str = "", rates: str = "0 Hz", operations: str = "", last: str = "") -> str:
    operations = f"operations: {{{operations}}}" if operations else ""
    text = RATES.replace("{SET}", f"{{{sets}}}").replace("{LAST}", f"{{{last}}}")
    return text.replace("RATES", rates).replace("OPERATIONS", operations)


def spiking(sets: str = "", rates: str = "0 Hz", operations: str = "", last: str = "") -> list[list[int]]:
    """For each neuron, in which milliseconds it spikes."""
    network = network_of(rated(sets, rates, operations, last))
    memory = run_network(network)[0]
    steps, ids = memory.spike_steps("m")
    again = interpret(network).spike_steps("m")
    assert np.array_equal(steps, again[0])
    assert np.array_equal(ids, again[1])
    return [sorted(set((steps[ids == k] // 10).tolist())) for k in range(3)]


A, B, C = list(range(10)), list(range(10, 20)), list(range(20, 30))


def test_a_phase_sets_rates_until_they_are_set_again() -> None:
    assert spiking(f"p.rates: {CERTAIN}") == [B + C] * 3
    assert spiking("p.rates: [0 Hz, 10 kHz, 0 Hz]") == [[], B + C, []]
    assert spiking("p.rates: [{where: i > 1, value: 10 kHz}]") == [[], [], B + C]
    assert spiking("p.rates: 0 Hz", rates="[10 kHz, 0 Hz, 10 kHz]") == [A, [], A]
    assert spiking("r: 10 kHz", rates="r*int(i == 2)") == [[], [], B + C]
    assert spiking("r: 10 kHz", rates="[r, 0 Hz, r]") == [B + C, [], B + C]


def test_rates_that_a_phase_sets_stay_when_a_phase_sets_something_else() -> None:
    """The network of a phase with other constants stores rates as that of the whole run does."""
    assert spiking(f"p.rates: {CERTAIN}", last="r: 1 Hz") == [B + C] * 3
    assert spiking(f"p.rates: {CERTAIN}, r: 1 Hz") == [B + C] * 3
    assert spiking(f"p.rates: {CERTAIN}", last="in_.rate: 1 Hz") == [B + C] * 3
    assert spiking("r: 1 Hz", last=f"p.rates: {CERTAIN}") == [C] * 3
    assert spiking(f"p.rates: {CERTAIN}", rates="r", last="r: 0 Hz") == [B] * 3


def test_a_timed_rate_is_not_judged_by_constants_of_another_phase() -> None:
    """100 times the rate of the second phase would be 1 MHz, but the array is 100 in the third only."""
    text = rated("r: 10 kHz", "r*burst(t)", last="r: 0 Hz") + "arrays: {burst: {values: [0, 1, 100], dt: 10 ms}}\n"
    steps, _ = run_network(network_of(text))[0].spike_steps("m")
    assert np.array_equal(np.unique(steps), np.arange(100, 200))


def test_an_operation_sets_rates() -> None:
    jump = f"jump: {{target: p, at: 15 ms, do: rates = {CERTAIN}}}"
    assert spiking(operations=jump) == [list(range(15, 30))] * 3
    assert spiking("p.rates: 0 Hz", rates=CERTAIN, operations=jump) == [A + list(range(15, 30))] * 3
    some = f"jump: {{target: p, at: 15 ms, do: rates = {CERTAIN}*int(i == 1)}}"
    assert spiking(operations=some) == [[], list(range(15, 30)), []]


def test_rates_of_other_phases_are_drawn_as_before() -> None:
    """About 100 spikes in each phase of 10,000 steps: within five standard deviations."""
    text = rated("p.rates: 1000 Hz", "100 Hz").replace("10 ms", "1 s")
    steps, _ = run_network(network_of(text))[0].spike_steps("m")
    counts = np.bincount(steps // 10_000, minlength=3)
    for count, mean in zip(counts, (300, 3000, 3000), strict=True):
        assert abs(count - mean) < 5 * np.sqrt(mean)


def test_the_rate_of_an_input_can_be_set() -> None:
    """At 10 kHz each of 10 trains has an event in each step of 0.1 ms."""
    for sets in ("in_.rate: 10 kHz", "r: 10 kHz"):
        network = network_of(rated(sets, "1 Hz"))
        x = run_network(network)[0].state("s", "x")
        assert np.array_equal(x, interpret(network).state("s", "x"))
        assert np.array_equal(np.diff(x[:, 0]), [0.0] * 100 + [10.0] * 199)


@pytest.mark.parametrize(
    ("rates", "sets", "operations", "code"),
    [
        ("100*Hz*(1 + sin(t/ms))", "p.rates: 1 Hz", "", "NET135"),
        ("100*Hz*(1 + sin(t/ms))", "", "jump: {target: p, at: 15 ms, do: rates = 1*Hz}", "NET135"),
        ("10 Hz", "p.rates: 1*Hz*(1 + sin(t/ms))", "", "NET135"),
        ("10 Hz", "p.rates: 1 mV", "", "EQ209"),
        ("10 Hz", "p.rates: [1 Hz, 2 Hz]", "", "NET141"),
        ("10 Hz", "p.rate: 1 Hz", "", "NET143"),
        ("10 Hz", "in_.rate: 1 mV", "", "EQ209"),
        ("10 Hz", "in_.weight: 1", "", "NET143"),
    ],
)
def test_rates_that_cannot_be_set_are_refused(rates: str, sets: str, operations: str, code: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        resolved(rated(sets, rates, operations))
    assert {d.code for d in caught.value.diagnostics} == {code}


KEPT = """
groups:
  g:
    size: 3
    equations: "v : 1\\nq = 2*v : 1\\nh = 2*v : 1 (constant over dt)"
    threshold: v > 1
    refractory: 1 ms
synapses: {s: {source: g, target: g, connect: all, on_pre: v_post += w, equations: "w : 1"}}
run:
  dt: 0.1 ms
  phases:
    - {name: a, duration: 1 ms}
    - {name: b, duration: 1 ms, set: {SET}}
"""


@pytest.mark.parametrize(
    "name", ["g.lastspike", "g.not_refractory", "g.q", "g.h", "g.i", "s.i", "s.lastupdate", "s.N_incoming"]
)
def test_what_follows_from_the_run_or_is_computed_cannot_be_set(name: str) -> None:
    text = KEPT.replace("{SET}", f"{{{name}: 1}}")
    with pytest.raises(ExperimentError) as caught:
        resolved(text)
    (found,) = caught.value.diagnostics
    owner, variable = name.split(".")
    assert found.code == "NET143"
    assert f"`{variable}` of `{owner}` cannot be set" in found.message
    assert found.help == f"what can be set: `{'v' if owner == 'g' else 'w'}`"


SENT_BEFORE = """
constants: {K: 1, D: 2*K}
groups:
  source: {kind: spikes, size: 1, indices: [0], times: [0.5 ms]}
  g: {size: 20, equations: "x : 1\\nu = 3*K : 1"}
synapses:
  s: {source: source, target: g, connect: all, on_pre: x_post += {TERM}, delay: {DELAY}}
run:
  dt: 0.1 ms
  phases:
    - {name: a, duration: 1 ms}
    - {name: b, duration: 5 ms, set: {K: 10}}
"""


@pytest.mark.parametrize(("term", "of_k"), [("K", 1), ("D", 2), ("u_post", 3)])
@pytest.mark.parametrize(("delay", "late"), [("1 ms", 0), ("1 ms + j*0.1*ms", 0), ("j*0.1*ms", 5)])
def test_statements_act_with_the_constants_of_the_step_in_which_they_act(
    term: str, of_k: int, delay: str, late: int
) -> None:
    """A spike at step 5 reaches neuron j at step 5 + j at the earliest; the second phase begins at step 10."""
    network = network_of(SENT_BEFORE.replace("{TERM}", term).replace("{DELAY}", delay))
    built = run_network(network)[1]
    found = value_now(built, built.network, "groups.g", "x", 0)
    assert found.tolist() == [of_k] * late + [10 * of_k] * (20 - late)


ADDED = """
constants: {K1: 0}
groups:
  s: {kind: spikes, size: 2, indices: [0, 1, 0], times: [0.1 ms, 0.3 ms, 1.1 ms]}
  g:
    size: 2
    equations: |
      v : 1
      x : 1
    initial: {x: 2}
synapses:
  syn:
    source: s
    target: g
    connect: all
    on_pre: v_post += x_post
    delay: 0.1*ms*(j + 1)
run:
  dt: 0.1 ms
  phases:
    - {name: a, duration: 1 ms}
    - {name: b, duration: 1 ms, set: {SET}}
"""


def test_a_pathway_adds_what_a_phase_sets() -> None:
    """What it adds changes in all phases, so all have the same kernel."""
    text = ADDED.replace("{SET}", "{g.x: 5}")
    built = run_network(network_of(text))[1]
    assert value_now(built, built.network, "groups.g", "v", 0).tolist() == [9, 9]

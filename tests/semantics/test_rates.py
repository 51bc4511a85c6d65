"""Rates of Poisson processes that no step can have: refused before the run where they are known, else in the run."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from running import network_of, resolved, run_kernel, simulation_of

from snnrun.engine.recording import Memory
from snnrun.errors import Diagnostic, ExperimentError, RunError


def poisson(rates: str, rest: str = "", size: int = 3, run: str = "duration: 4 ms") -> str:
    return (
        f"groups: {{p: {{kind: poisson, size: {size}, rates: {rates}}}}}\n"
        "monitors: {s: {kind: spikes, source: p}}\n"
        f"run: {{dt: 0.1 ms, {run}}}\n{rest}\n"
    )


def refused(text: str) -> tuple[str, str]:
    """The message of the only error, and the text that it points at."""
    with pytest.raises(ExperimentError) as caught:
        resolved(text)
    (found,) = caught.value.diagnostics
    assert found.code == "NET132"
    assert found.span is not None
    return found.message, found.span.file.text[found.span.start : found.span.end]


def stopped(text: str) -> tuple[Diagnostic, Memory]:
    simulation, memory = simulation_of(network_of(text))
    with pytest.raises(RunError) as caught:
        simulation.run()
    (found,) = caught.value.diagnostics
    assert found.code == "RUN307"
    return found, memory


def blamed(found: Diagnostic) -> str:
    """The text that an error points at."""
    assert found.span is not None
    return found.span.file.text[found.span.start : found.span.end].strip('"')


ARRAY = (
    "arrays: {s: {values: [5, 25, -5], unit: kHz, dt: 1 ms}, c: {values: [[1, 2, 3], [1, 2, 30]], unit: kHz, dt: 1 ms}}"
)


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        (poisson("20 kHz"), "neuron 0 of `p` is 20 kHz: it must lie between 0 and 1/dt = 10 kHz", "20 kHz"),
        (poisson("-1 Hz"), "neuron 0 of `p` is -1 Hz", "-1 Hz"),
        (poisson("[5 kHz, 20 kHz, 1 kHz]"), "neuron 1 of `p` is 20 kHz", "20 kHz"),
        (poisson("[5 kHz, 1 kHz, -1 kHz]"), "neuron 2 of `p` is -1 kHz", "-1 kHz"),
        (poisson('"[5, 20, 1]*kHz"'), "neuron 1 of `p` is 20 kHz", '"[5, 20, 1]*kHz"'),
        (poisson("(5 + 5*i)*kHz"), "neuron 2 of `p` is 15 kHz", "(5 + 5*i)*kHz"),
        (poisson("log(i)*Hz"), "neuron 0 of `p` is -", "log(i)*Hz"),
        (poisson("1/i*Hz"), "neuron 0 of `p` is inf", "1/i*Hz"),
        (poisson("(i - 1)/(i - 1.0)*Hz"), "neuron 1 of `p` is nan", "(i - 1)/(i - 1.0)*Hz"),
        (poisson("s(t)", ARRAY), "neuron 0 of `p` is 25 kHz at t = 1 ms", "s(t)"),
        (poisson('"2*c(t, i)"', ARRAY), "neuron 2 of `p` is 60 kHz at t = 1 ms", '"2*c(t, i)"'),
    ],
)
def test_rates_that_are_known_are_refused_before_the_run(text: str, message: str, place: str) -> None:
    said, blamed = refused(text)
    assert message in said
    assert blamed == place


@pytest.mark.parametrize("rate", ["-5 Hz", "10.1 kHz"])
def test_inputs_need_a_rate_between_none_and_one_a_step(rate: str) -> None:
    text = (
        'groups: {g: {size: 1, equations: "v : 1"}}\n'
        f"inputs: {{x: {{target: g, variable: v, size: 10, rate: {rate}, weight: 1}}}}\n"
        "run: {dt: 0.1 ms, duration: 1 ms}\n"
    )
    said, blamed = refused(text)
    assert f"the rate of input `x` is {rate}" in said
    assert blamed == rate


def test_a_phase_that_changes_a_rate_is_asked_too() -> None:
    phases = "phases: [{name: a, duration: 1 ms}, {name: b, duration: 1 ms, set: {f: 11 kHz}}]"
    said, _ = refused(poisson("f*(1 + 0*i)", "constants: {f: 9 kHz}", run=phases))
    assert "is 11 kHz" in said


@pytest.mark.parametrize(
    ("text", "neuron", "step", "rate"),
    [
        (poisson("(5 + 20*int(t > 1.95*ms))*kHz"), 0, 20, "25 kHz"),
        (poisson("(5 - 3*i*t/ms)*kHz", run="duration: 4 ms, threads: 2"), 2, 9, "-400 Hz"),
        (poisson("sqrt(1 - t/ms)*Hz"), 0, 11, "not a number (NaN)"),
        (
            poisson("(8 + 3*i*int(t > 1*ms))*kHz", size=300, run="duration: 4 ms, threads: 3, precision: single"),
            1,
            11,
            "11 kHz",
        ),
        (
            poisson("[1 kHz, 2 kHz, 3 kHz]", "operations: {x: {target: p, do: rates *= 2, every: 1 ms}}"),
            2,
            10,
            "12 kHz",
        ),
        (poisson("int(t > 3*ms)*s(t)", ARRAY, run="phases: [{name: a, duration: 4 ms}]"), 0, 31, "-5 kHz"),
    ],
)
def test_rates_that_move_stop_the_run_with_neuron_time_and_rate(text: str, neuron: int, step: int, rate: str) -> None:
    found, memory = stopped(text)
    moment = f"{step / 10:g} ms" if step >= 10 else f"{step * 100} us"
    assert f"the rate of neuron {neuron} of `p` is {rate} at t = {moment}" in found.message
    assert "between 0 and 1/dt = 10 kHz" in found.message
    assert f"rates: {blamed(found)}}}" in text
    assert memory.spike_steps("s")[0].max(initial=0) < step


@pytest.mark.parametrize(
    ("rate", "neuron", "step", "told"),
    [
        ("(9 + i*t/ms)*kHz", 2, 6, "10.2 kHz"),
        ("(1 - t/ms)*kHz", 0, 11, "-100 Hz"),
        ("log(1 - t/ms)*Hz + 5*kHz", 0, 10, "-inf"),
    ],
)
@pytest.mark.parametrize("threads", [1, 3])
def test_rates_of_inputs_that_move_are_asked_too(rate: str, neuron: int, step: int, told: str, threads: int) -> None:
    text = (
        'groups: {g: {size: 3, equations: "v : 1"}}\n'
        f"inputs: {{x: {{target: g, variable: v, size: 10, rate: {rate}, weight: 1}}}}\n"
        "monitors: {s: {kind: state, source: g, variables: [v]}}\n"
        f"run: {{dt: 0.1 ms, duration: 3 ms, threads: {threads}}}\n"
    )
    found, memory = stopped(text)
    moment = f"{step / 10:g} ms" if step >= 10 else f"{step * 100} us"
    assert f"the rate of neuron {neuron} of input `x` is {told}" in found.message
    assert f"at t = {moment}" in found.message
    assert blamed(found) == rate
    assert len(memory.state("s", "v")) == step


def test_a_phase_that_sets_rates_is_asked_as_it_begins() -> None:
    phases = "phases: [{name: a, duration: 1 ms}, {name: b, duration: 1 ms, set: {p.rates: 1.2*i*rates}}]"
    found, memory = stopped(poisson("[5 kHz, 5 kHz, 5 kHz]", run=phases))
    assert "the rate of neuron 2 of `p` is 12 kHz at t = 1 ms" in found.message
    assert len(memory.spike_steps("s")[0]) > 0
    assert blamed(found) == "1.2*i*rates"


SETS = "phases: [{name: a, duration: 1 ms}, {name: b, duration: 1 ms, set: {p.SET}}]"
PARTS = "{p: {kind: poisson, size: 3, rates: 1 kHz, subgroups: {a: '1:3', b: [2, 0]}}}"


@pytest.mark.parametrize(
    ("sets", "message", "place"),
    [
        ("rates: 20 kHz", "neuron 0 of `p` is 20 kHz", "20 kHz"),
        ("rates: [1 kHz, 20 kHz, 1 kHz]", "neuron 1 of `p` is 20 kHz", "20 kHz"),
        ("rates: i*9*kHz", "neuron 2 of `p` is 18 kHz", "i*9*kHz"),
        ("a.rates: i*11*kHz", "neuron 2 of `p` is 11 kHz", "i*11*kHz"),
        ("b.rates: [1 kHz, 11 kHz]", "neuron 0 of `p` is 11 kHz", "11 kHz"),
        (
            "rates: [{value: 11 kHz, where: i > 5}, {value: 12 kHz, where: i > 1}]",
            "neuron 2 of `p` is 12 kHz",
            "12 kHz",
        ),
        ("rates: [{value: -3 Hz, subgroup: a}]", "neuron 1 of `p` is -3 Hz", "-3 Hz"),
    ],
)
def test_rates_that_a_phase_sets_are_refused_where_they_are_known(sets: str, message: str, place: str) -> None:
    text = poisson("1 kHz", run=SETS.replace("SET", sets))
    said, blamed = refused(f"groups: {PARTS}\n" + text.partition("\n")[2])
    assert message in said
    assert blamed == place


def test_a_rate_that_a_phase_sets_is_finite() -> None:
    with pytest.raises(ExperimentError) as caught:
        network_of(poisson("1 kHz", run=SETS.replace("SET", "rates: log(0)*Hz")))
    assert [(d.code, d.span is not None) for d in caught.value.diagnostics] == [("NET142", True)]


@pytest.mark.parametrize(
    ("do", "target", "message"),
    [
        ("rates = 20*kHz", "p", "neuron 0 of `p` is 20 kHz"),
        ("rates = 3*kHz; rates *= -1", "p", "neuron 0 of `p` is -3 kHz"),
        ("rates = 11*i*kHz", "p", "neuron 1 of `p` is 11 kHz"),
        ("rates = 11*i*kHz", "p.a", "neuron 2 of `p` is 11 kHz"),
        ("rates_post = 20*kHz", "s", "neuron 0 of `p` is 20 kHz"),
    ],
)
def test_rates_that_statements_write_are_refused_where_they_are_known(do: str, target: str, message: str) -> None:
    rest = (
        "synapses: {s: {source: p, target: p, connect: all, on_pre: {up: {do: 'rates_post = 2*kHz'}}}}\n"
        f"operations: {{o: {{target: {target}, at: 1 ms, do: '{do}'}}}}"
    )
    text = f"groups: {PARTS}\n" + poisson("1 kHz", rest).partition("\n")[2]
    said, blamed = refused(text)
    assert message in said
    assert blamed == f"'{do}'"
    assert (
        refused(
            text.replace(do, "rates_post = 1*kHz" if target == "s" else "rates = 1*kHz").replace("= 2*kHz", "= 20*kHz")
        )[1]
        == "'rates_post = 20*kHz'"
    )


@pytest.mark.parametrize(("first", "then", "at", "wrong"), [
    (2, 20, "1.5 ms", True), (20, 2, "1.5 ms", False), (2, 20, "0.5 ms", False), (20, 2, "0.5 ms", True),
    (2, 20, "5 ms", False),
])  # fmt: skip
def test_a_statement_writes_the_rate_of_the_phases_in_which_it_acts(
    first: int, then: int, at: str, wrong: bool
) -> None:
    phases = f"phases: [{{name: a, duration: 1 ms}}, {{name: b, duration: 1 ms, set: {{f: {then} kHz}}}}]"
    text = poisson(
        "1 Hz", f"constants: {{f: {first} kHz}}\noperations: {{o: {{target: p, at: {at}, do: rates = f}}}}", run=phases
    )
    if wrong:
        assert "is 20 kHz" in refused(text)[0]
    else:
        resolved(text)


def input_of(rate: str, target: str = "g") -> str:
    return (
        "groups: {g: {size: 4, equations: 'v : 1', subgroups: {a: '2:4'}}}\n"
        f"inputs: {{x: {{target: {target}, variable: v, size: 10, rate: {rate}, weight: 1}}}}\n"
        "run: {dt: 0.1 ms, duration: 2 ms}\n"
    )


def test_inputs_of_a_subgroup_are_asked_before_the_run() -> None:
    said, blamed = refused(input_of("11*i*kHz", "g.a"))
    assert "neuron 3 of input `x` is 11 kHz" in said
    assert blamed == "11*i*kHz"


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        (input_of("-1 Hz"), "0 or more"),
        (input_of("(i - 1)*Hz"), "0 or more"),
        (input_of("11 kHz"), "more trains"),
        (input_of("11*i*kHz"), "more trains"),
        (input_of("i/(i*1.0)*Hz"), "a rate is a number"),
        (poisson("-1 Hz"), "0 or more"),
        (poisson("11 kHz"), "clip"),
    ],
)
def test_the_advice_fits_what_is_wrong_with_a_rate(text: str, fits: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        resolved(text)
    assert fits in str(caught.value.diagnostics[0].help)


def test_the_advice_in_the_run_fits_too() -> None:
    assert "0 or more" in str(stopped(input_of("(1 - t/ms)*kHz"))[0].help)
    assert "more trains" in str(stopped(input_of("(1 + 8*t/ms)*kHz"))[0].help)


def test_rates_of_a_huge_group_are_tried_on_neurons_from_the_first_to_the_last() -> None:
    """Nothing of the size of the group is made: 16 GB and minutes else."""
    huge = 2 * 10**9
    tracemalloc.start()
    try:
        resolved(poisson("i*1e-6*Hz", size=huge))
        for rate in ("i*1e-5*Hz", "(1 - int(i == N - 1)*2)*Hz", "int(i == 0)*(-1)*Hz"):
            for text in (poisson(rate, size=huge), input_of(rate).replace("size: 4", f"size: {huge}")):
                with pytest.raises(ExperimentError) as caught:
                    resolved(text)
                assert [d.code for d in caught.value.diagnostics] == ["NET132"]
        assert tracemalloc.get_traced_memory()[1] < 200e6
    finally:
        tracemalloc.stop()


def test_a_rate_of_one_spike_a_step_is_the_highest() -> None:
    """Rounding of rate*dt does not count, and every step then has a spike."""
    for dt, rate in (("0.1 ms", "10 kHz"), ("0.3 ms", "(1/(0.3*ms))"), ("0.7 ms", "1/(0.1*ms)/7")):
        text = poisson(rate, run="duration: 21 ms").replace("dt: 0.1 ms", f"dt: {dt}")
        moving = text.replace(f"rates: {rate}", f"rates: {rate}*int(t >= 0*ms)") if "kHz" not in rate else text
        for each in (text, moving):
            steps, _ = run_kernel(each).spike_steps("s")
            assert len(steps) == 3 * round(21 / float(dt.split()[0]))


def test_an_array_counts_only_as_long_as_the_run_lasts() -> None:
    memory = run_kernel(poisson("s(t)", ARRAY, run="duration: 1 ms"))
    assert np.all(memory.spike_steps("s")[0] < 10)

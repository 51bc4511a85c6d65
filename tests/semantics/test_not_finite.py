"""Values that stop being finite: found although something overwrites them, with time, element, what broke and advice."""
# ruff: noqa: E501 - lines of experiment files

from __future__ import annotations

import math

import numpy as np
import pytest
from running import network_of, simulation_of

from snnrun.engine import watch
from snnrun.engine.recording import Memory
from snnrun.errors import Diagnostic, RunError


def failure(text: str, most: int | None = None) -> tuple[Diagnostic, Memory]:
    """What a run says as it stops, and what it recorded until then."""
    simulation, memory = simulation_of(network_of(text))
    with pytest.raises(RunError) as caught:
        simulation.run(most=most)
    (found,) = caught.value.diagnostics
    return found, memory


def blamed(found: Diagnostic) -> str:
    """The text of the file that an error points at."""
    assert found.span is not None
    return found.span.file.text[found.span.start : found.span.end]


ADEX = """
constants: {C: 200 pF, gL: 10 nS, EL: -70 mV, VT: -50 mV, D: 2 mV, I: 700 pA}
groups:
  calm: {size: 3, equations: "dv/dt = -v/ms : 1"}
  cell:
    size: 40
    equations: |
      dv/dt = (-gL*(v-EL) + gL*D*exp((v-VT)/D) + I*int(i == 37))/C : volt
    threshold: v > 0*mV
    reset: v = -58*mV
    method: METHOD
    initial: {v: EL}
monitors:
  s: {kind: spikes, source: cell, variables: [v]}
run: {duration: 500 ms, dt: 0.1 ms, THREADS precision: PRECISION}
"""


def adex_by_hand() -> tuple[int, float]:
    """The step in which the midpoint method overflows, and the potential before it. [V]"""

    def slope(v: float) -> float:
        try:
            return (-10e-9 * (v + 0.07) + 2e-11 * math.exp((v + 0.05) / 0.002) + 7e-10) / 200e-12
        except OverflowError:
            return math.inf

    v, step = -0.07, 0
    while step < 5000:
        new = v + 1e-4 * slope(v + 0.5e-4 * slope(v))
        if not math.isfinite(new):
            return step, v
        v, step = (-0.058 if new > 0 else new), step + 1
    raise AssertionError


@pytest.mark.parametrize("threads", ["", "threads: 3,"])
def test_a_potential_that_overflows_as_it_crosses_the_threshold_is_found_before_the_reset(threads: str) -> None:
    step, last = adex_by_hand()
    found, _ = failure(ADEX.replace("METHOD", "rk2").replace("THREADS", threads).replace("PRECISION", "double"))
    assert found.code == "RUN301"
    assert f"`v` of neuron 37 of `cell` became infinite at t = {step / 10:g} ms: `exp` of " in found.message
    assert f"its last finite value was {last * 1e3:.6g} mV" in found.message
    assert blamed(found) == "exp((v-VT)/D)"
    assert "lower threshold" in str(found.help)
    assert "exact" not in str(found.help)


@pytest.mark.parametrize("method", ["rk2", "rk4"])
def test_single_precision_overflows_too(method: str) -> None:
    found, _ = failure(ADEX.replace("METHOD", method).replace("THREADS", "").replace("PRECISION", "single"))
    assert "`v` of neuron 37 of `cell` became infinite" in found.message
    assert blamed(found) == "exp((v-VT)/D)"


def test_a_lower_threshold_helps_as_the_advice_says() -> None:
    text = ADEX.replace("METHOD", "rk2").replace("THREADS", "").replace("PRECISION", "double")
    simulation, memory = simulation_of(network_of(text.replace("0*mV", "-40*mV")))
    simulation.run()
    steps, ids = memory.spike_steps("s")
    assert len(steps) > 10
    assert set(ids) == {37}


RATES = """
groups:
  c:
    size: 3
    equations: |
      beta = 0.28/mV*(V + 23*mV)/(exp((V + 23*mV)/(5*mV)) - 1)/ms : Hz
      dm/dt = beta*(1 - m) : 1
      V : volt
    method: METHOD
    initial: {V: "[-24, -23, -22]*mV"}
run: {duration: 1 ms, dt: 0.1 ms}
"""


@pytest.mark.parametrize("method", ["exponential_euler", "euler", "rk2", "rk4", "heun", "milstein", "exact"])
def test_zero_by_zero_names_its_place_and_exprel(method: str) -> None:
    found, _ = failure(RATES.replace("METHOD", method))
    assert "`m` of neuron 1 of `c` became NaN (not a number) at t = 0 s: 0/0" in found.message
    assert blamed(found) == "0.28/mV*(V + 23*mV)/(exp((V + 23*mV)/(5*mV)) - 1)"
    assert "exprel" in str(found.help)


def pair(equations: str, synapses: str, extra: str = "") -> str:
    return f"""
groups:
  src: {{kind: spikes, size: 2, indices: [0, 1], times: [1 ms, 2 ms]}}
  cell: {{size: 3, equations: "{equations}" {extra}}}
synapses:
  s: {{source: src, target: cell, connect: [{{pairs: [[0, 2], [1, 1]]}}], {synapses}}}
run: {{duration: 3 ms, dt: 0.1 ms}}
"""


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        # a pathway breaks a potential, and the reset of the same step overwrites it
        (
            pair("v : 1\\nx : 1", "on_pre: v_post = 1/x_post", ", threshold: t_in_timesteps == 20, reset: v = 0"),
            "`v` of neuron 2 of `cell` became infinite at t = 1 ms: 1 is divided by 0",
            "1/x_post",
        ),
        # a pathway overwrites what another broke
        (
            pair(
                "v : 1",
                "equations: 'w : 1', on_pre: {a: {do: v_post = log(w - 1), order: 1}, b: {do: v_post = 0, order: 2}}",
            ),
            "`v` of neuron 2 of `cell` became NaN (not a number) at t = 1 ms: `log` of -1 is not a finite number",
            "log(w - 1)",
        ),
        # a variable of a synapse
        (
            pair("v : 1", "equations: 'w : 1', on_pre: w = sqrt(-1 - w)"),
            "`w` of synapse 0 (0 -> 2) of `s` became NaN (not a number) at t = 1 ms: `sqrt` of -1 is not a finite number",
            "sqrt(-1 - w)",
        ),
        # clock-driven equations of synapses
        (
            pair("v : 1", "equations: 'dw/dt = exp(w*(1 + i))/ms : 1 (clock-driven)', method: euler, initial: {w: 1}"),
            "`w` of synapse 1 (1 -> 1) of `s` became infinite",
            "exp(w*(1 + i))",
        ),
        # an operation, overwritten by the reset of the same step
        (
            """
groups: {cell: {size: 4, equations: "v : 1", threshold: t_in_timesteps == 3, reset: v = 0}}
operations: {kick: {target: cell, do: v = 1/(i - 2.0), at: 0.3 ms, when: start}}
run: {duration: 1 ms, dt: 0.1 ms}
""",
            "`v` of neuron 2 of `cell` became infinite at t = 300 us: 1 is divided by 0",
            "1/(i - 2.0)",
        ),
        # a sum over synapses
        (
            pair("dv/dt = g/ms : 1\\ng : 1", 'equations: "g_post = 1/w : 1 (summed)\\nw : 1", initial: {w: i}'),
            "`v` of neuron 2 of `cell` became infinite at t = 0 s: 1 is divided by 0",
            "1/w",
        ),
        # noise
        (
            """
groups: {cell: {size: 2, equations: "dx/dt = xi*second**-0.5/(t - 0.5*ms)*ms : 1", method: euler}}
run: {duration: 1 ms, dt: 0.1 ms}
""",
            "became infinite at t = 500 us",
            "xi*second**-0.5/(t - 0.5*ms)",
        ),
    ],
)
def test_statements_equations_and_noise_are_looked_at(text: str, message: str, place: str) -> None:
    found, _ = failure(text)
    assert message in found.message
    assert place in blamed(found) or blamed(found) in place


def test_weights_that_are_clipped_still_tell_of_nan() -> None:
    """`clip` keeps NaN: it stands until the next look, and the run is followed again to the step."""
    rule = "equations: 'w : 1', on_pre: 'w = clip(w + log(w - 1), 0, 1)', initial: {w: 0.5}"
    found, _ = failure(pair("v : 1", rule))
    assert "`w` of synapse 0 (0 -> 2) of `s` became NaN (not a number) at t = 1 ms: `log` of -0.5" in found.message
    assert blamed(found) == "log(w - 1)"


def test_values_that_grow_get_the_methods_that_fit() -> None:
    text = 'groups: {g: {size: 1, equations: "dv/dt = -v/(1*us) : 1", method: euler, initial: {v: 1}}}\nrun: {duration: 40 ms, dt: 0.1 ms}'
    found, _ = failure(text)
    assert "the value grows beyond what a number can hold" in found.message
    assert "`exact`" in str(found.help)
    square, _ = failure(text.replace("-v/(1*us)", "v**2/ms").replace("euler", "rk4"))
    assert "`exact`" not in str(square.help)


LARGE = """
groups:
  g: {size: 5, equations: "dv/dt = v**2*int(i == 3)/ms : 1", method: euler, initial: {v: 1}}
operations: {nothing: {target: g, do: v = v*1.0, every: 10 ms}}
monitors: {v: {kind: state, source: g, variables: [v]}}
run: {duration: 30 ms, dt: 0.1 ms}
"""


def broken_step() -> int:
    v, step = 1.0, 0
    while math.isfinite(v + 0.1 * v * v):
        v, step = v + 0.1 * v * v, step + 1
    return step


@pytest.mark.parametrize("most", [None, 1, 7])
def test_large_networks_are_looked_at_rarely_and_still_tell_the_step(
    most: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no time for looking before the end, the run goes on from the only copy to the step that broke."""
    network_of(LARGE)
    taken = iter([True])
    monkeypatch.setattr(watch, "SMALL", -1)
    monkeypatch.setattr(watch.Watch, "_affordable", lambda _self, _size: next(taken, False))
    found, memory = failure(LARGE, most)
    assert f"`v` of neuron 3 of `g` became infinite at t = {broken_step() / 10:g} ms" in found.message
    recorded = memory.state("v", "v")[: broken_step() + 1, 3]
    assert np.all(np.isfinite(recorded))
    assert np.all(np.diff(recorded) > 0)


def test_without_a_copy_the_interval_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MOST", 0)
    monkeypatch.setattr(watch.Watch, "_affordable", lambda _self, _size: False)
    found, _ = failure(LARGE)
    assert "`v` of neuron 3 of `g` became" in found.message
    assert "between t = 0 s and 30 ms" in found.message


BY_EVENTS = """
groups:
  s: {kind: spikes, size: 1, indices: 0, times: 0.3 ms}
  a: {size: 2, equations: "v : 1\\nz : 1", threshold: v > 1, reset: RESET}
synapses:
  s2: {source: s, target: a, connect: all, on_pre: "z_post += w/w", equations: "w : 1"}
operations:
  late: {target: a, at: 0.5 ms, do: "z = v/z"}
  rare: {target: a, every: 0.4 ms, do: "z = v/(z + int(t == 0*ms))"}
  through: {target: s2, at: 0.2 ms, do: "z_post += THROUGH"}
run: {duration: 1 ms, dt: 0.1 ms}
"""


def test_operations_that_do_not_act_in_the_step_are_not_blamed() -> None:
    found, _ = failure(BY_EVENTS.replace("RESET", "v = 0").replace("THROUGH", "w"))
    assert "`z` of neuron 0 of `a` became NaN (not a number) at t = 300 us: 0/0;" in found.message
    assert blamed(found) == "w/w"


def test_an_operation_on_synapses_that_writes_to_neurons_is_blamed() -> None:
    found, _ = failure(BY_EVENTS.replace("RESET", "v = 0").replace("THROUGH", "log(w)"))
    assert "became infinite at t = 200 us: `log` of 0" in found.message
    assert blamed(found) == "log(w)"


def test_where_spikes_may_have_carried_out_one_of_several_statements_all_are_told() -> None:
    found, _ = failure(BY_EVENTS.replace("RESET", "z = v/v").replace("THROUGH", "w"))
    assert found.span is not None
    lines = found.span.file.text.split("\n")
    here, there = (next(k for k, line in enumerate(lines, 1) if text in line) for text in ("w/w", "v/v"))
    told = f"0/0 in line {here} or 0/0 in line {there} (whichever a spike carried out in this step)"
    assert f"at t = 300 us: {told}" in found.message
    assert blamed(found) == "w/w"


def test_a_constant_that_is_infinite_is_named() -> None:
    text = """
constants: {big: inf}
groups: {g: {size: 2, equations: "dv/dt = (big - v)/(10*ms) : 1", method: euler}}
run: {dt: 0.1 ms, duration: 1 ms}
"""
    assert "`big` is not finite" in failure(text)[0].message


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("v = mean(1/(u - 3))", "in `mean(1/(u - 3))` for neuron 1 of `g` 1 is divided by 0"),
        ("v = max(exp(300*u))/2", "in `max(exp(300*u))` for neuron 1 of `g` `exp` of 900 overflows"),
    ],
)
def test_a_reduction_is_named_in_the_words_of_the_file(statement: str, cause: str) -> None:
    found, _ = failure(f"""
groups:
  g: {{size: 3, equations: "v : 1\\nu : 1", initial: {{u: 2 + i - 2*int(i == 2)}}}}
operations:
  o: {{target: g, every: 1 ms, do: "{statement}"}}
run: {{dt: 1 ms, duration: 5 ms}}
""")
    assert found.code == "RUN301"
    assert cause in found.message

"""Random numbers whose arguments become impossible during a run end it, in whatever they are used."""

from __future__ import annotations

import pytest
from agreement import assert_agreement
from running import native, network_of, simulation_of

from snnrun.codegen.kernel import generate
from snnrun.codegen.native import PythonKernel
from snnrun.engine.build import build
from snnrun.engine.driver import Simulation
from snnrun.engine.recording import Memory
from snnrun.errors import Diagnostic, ExperimentError, RunError

FILE = """
constants: {one: 1}
groups:
  g:
    size: 3
    equations: |
      v : 1
      n : integer
      a : 1
      h = HELD : 1 (constant over dt)
    threshold: THRESHOLD
    reset: RESET
    initial: {a: i}
synapses:
  s: {source: g, target: g, connect: all, equations: "w : integer", on_pre: PATHWAY}
operations:
  o: {target: g, every: 1 ms, do: OPERATION}
run: {dt: 1 ms, duration: 6 ms, THREADS}
"""
POSSIBLE = {
    "HELD": "0*a",
    "THRESHOLD": "v > 10",
    "RESET": "v = 0",
    "PATHWAY": "v_post += w",
    "OPERATION": "v = 0",
    "THREADS": "threads: 1",
}


def file(**used: str) -> str:
    text = FILE
    for name, usual in POSSIBLE.items():
        text = text.replace(
            name, used.get(name, usual) if name in ("HELD", "THREADS") else f'"{used.get(name, usual)}"'
        )
    return text


def failure(text: str, *, compiled: bool) -> Diagnostic:
    network = network_of(text)
    kernel = generate(network)
    machine = native(kernel) if compiled else PythonKernel(kernel.text)
    with pytest.raises(RunError) as caught:
        Simulation(build(network, kernel), machine, Memory()).run()
    return caught.value.diagnostics[0]


@pytest.mark.parametrize(
    ("use", "rule", "value", "when"),
    [
        # a is i, so neuron 2 is the first whose argument is impossible
        ({"OPERATION": "v = poisson(2 - a*t/ms)"}, "`mean` of `poisson` must be between 0 and 4.5e15", "-2", 2),
        ({"OPERATION": "n = poisson(2 - a*t/ms)"}, "`mean` of `poisson`", "-2", 2),
        ({"OPERATION": "v = poisson((1e8)**(a*t/ms))"}, "`mean` of `poisson`", "1e+16", 1),
        ({"OPERATION": "v = int(poisson(n/(a - t/ms)) > 1)"}, "`mean` of `poisson`", "NaN", 0),
        ({"OPERATION": "n = binomial(5, 0.3*a*t/ms)"}, "`p` of `binomial` must be between 0 and 1", "1.2", 2),
        ({"OPERATION": "n = binomial(5, 0.5 - a*t/ms)"}, "`p` of `binomial`", "-0.5", 1),
        ({"OPERATION": "n = binomial(int(3 - a*t/ms), 0.5)"}, "`n` of `binomial` must be a whole number", "-1", 2),
        ({"OPERATION": "v = gamma(2 - a*t/ms, one)"}, "`k` of `gamma` must be positive", "0", 1),
        ({"OPERATION": "v = gamma(one, 3 - a*t/ms)"}, "`theta` of `gamma` must be not negative", "-1", 2),
        ({"OPERATION": "v = int(1 > exponential(1 - a*t/ms))"}, "`scale` of `exponential`", "-1", 1),
        ({"OPERATION": "v = lognormal(0, 1 - a*t/ms)"}, "`sigma` of `lognormal`", "-1", 1),
        ({"OPERATION": "v = truncnorm(0, 2 - a*t/ms, -1, 1)"}, "`sd` of `truncnorm` must be positive", "0", 1),
        ({"OPERATION": "v = truncnorm(0, 1, 1, 4 - a*t/ms)"}, "`low` of `truncnorm` must not lie above `high`", "1", 2),
        ({"THRESHOLD": "poisson(2 - a*t/ms) > 5"}, "`mean` of `poisson`", "-2", 2),
        ({"HELD": "poisson(2 - a*t/ms)"}, "`mean` of `poisson`", "-2", 2),
        ({"THRESHOLD": "v > -1", "RESET": "n = poisson(2 - a*t/ms)"}, "`mean` of `poisson`", "-2", 2),
        ({"THRESHOLD": "v > -1", "PATHWAY": "v_post += poisson(2 - a_pre*t/ms)"}, "`mean` of `poisson`", "-2", 2),
        ({"OPERATION": "v = poisson(2 - a*t/ms)", "THREADS": "threads: 2"}, "`mean` of `poisson`", "-2", 2),
        ({"HELD": "poisson(2 - a*t/ms)", "THREADS": "precision: single"}, "`mean` of `poisson`", "-2", 2),
    ],
)
def test_an_impossible_argument_ends_the_run_in_its_step(use: dict[str, str], rule: str, value: str, when: int) -> None:
    found = failure(file(**use), compiled="THREADS" in use)
    assert found.code == "RUN312"
    assert found.message.startswith(rule)
    assert f"it is {value} " in found.message
    assert f"at t = {when} {'ms' if when else 's'}" in found.message
    assert found.span is not None
    assert found.span.file.text[found.span.start : found.span.end] in " ".join(use.values())


def test_possible_arguments_give_what_kernel_and_oracle_agree_on() -> None:
    text = file(
        OPERATION="v = gamma(1 + a, 2) + truncnorm(a, 1, -1, 5) + exponential(a) + lognormal(a, a); n = poisson(3*a)",
        HELD="binomial(n, 0.5*a) + poisson(20*a)",
        THRESHOLD="v > 3",
        PATHWAY="w = binomial(10 + n_pre, a_post/2); v_post += w",
    )
    monitor = "monitors: {m: {kind: state, source: g, variables: [v, n, h], when: end}, o: {kind: spikes, source: g}}\n"
    assert_agreement(text.replace("run:", monitor + "run:"), spikes=2)


def test_no_number_of_synapses_is_made_of_an_impossible_argument() -> None:
    text = file().replace("connect: all", "connect: {n: poisson(1 - i)}")
    with pytest.raises(
        ExperimentError, match=r"i = 2, j = 0 shall have .* an argument of a random number is impossible"
    ):
        simulation_of(network_of(text))

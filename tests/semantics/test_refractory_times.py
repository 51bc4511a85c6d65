"""Refractory times of every size and form; a neuron that never spiked is never refractory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from running import run_kernel

from snnrun.errors import ExperimentError, RunError
from snnrun.running import pipeline
from snnrun.running.options import RunOptions

GROUPS = """
groups:
  g:
    size: 3
    equations: "dv/dt = (2 - v)/(10*ms) : 1\\nr : second"
    threshold: v > 1
    reset: v = 0
    refractory: {refractory}
    initial: {{r: "{initial}"}}
operations: {{later: {{target: g, at: 20 ms, do: r = {later}}}}}
monitors: {{m: {{kind: spikes, source: g}}, last: {{kind: state, source: g, variables: [lastspike, v]}}}}
run: {{duration: 40 ms, dt: 0.1 ms, precision: {precision}}}
"""


def text(refractory: str, initial: str = "1*ms", later: str = "r", precision: str = "double") -> str:
    return GROUPS.format(refractory=refractory, initial=initial, later=later, precision=precision)


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("value", ["1e5*second", "1e15*second", "1e30*second", "exp(500 + 100*i)*second"])
@pytest.mark.parametrize("form", ["{}", "{} + 0*i*ms", "r", "(t - lastspike) < {}"])
def test_a_refractory_time_longer_than_the_run_lets_each_neuron_spike_once(
    form: str, value: str, precision: str
) -> None:
    if value.startswith("exp") and precision == "single":
        value = value.replace("500 + 100*i", "80 + i")
    memory = run_kernel(text(form.format(value), value if form == "r" else "1*ms", precision=precision))
    steps, ids = memory.spike_steps("m")
    assert sorted(ids.tolist()) == [0, 1, 2]
    assert set(steps.tolist()) == {69}  # v = 2*(1 - exp(-t/10 ms)) is over 1 after 6.93 ms
    last = memory.state("last", "lastspike")
    np.testing.assert_array_equal(last[:70], -10000)
    np.testing.assert_allclose(last[70:], 69 * 1e-4, rtol=1e-6)


@pytest.mark.parametrize(
    ("refractory", "initial", "found"),
    [
        ("r", "(i - 1)*ms", "neuron 0 of `g` is negative"),
        ("(i - 1)*ms", "1*ms", "neuron 0 of `g` is negative"),
        ("log(i - 1)*ms", "1*ms", "neuron 0 of `g` is not a number (NaN)"),
    ],
)
def test_refractory_times_that_cannot_be_are_refused_before_the_run(refractory: str, initial: str, found: str) -> None:
    network = text(refractory, initial).replace("do: r = r", "do: v = v")
    with np.errstate(invalid="ignore", divide="ignore"), pytest.raises(ExperimentError, match="NET102") as caught:
        run_kernel(network)
    assert found in caught.value.diagnostics[0].message


@pytest.mark.parametrize(
    ("refractory", "later", "found"),
    [("r", "-1*ms", "negative"), ("sqrt(2 - t/(10*ms))*ms", "r", "NaN"), ("(1 - t/(20*ms))*ms", "r", "negative")],
)
def test_a_refractory_time_that_goes_wrong_ends_the_run(refractory: str, later: str, found: str) -> None:
    with np.errstate(invalid="ignore"), pytest.raises(RunError, match=f"RUN308.*{found}"):
        run_kernel(text(refractory, later=later))


def test_a_state_keeps_that_a_neuron_never_spiked(tmp_path: Path) -> None:
    file = tmp_path / "first.yaml"
    first = text("1*ms").replace("v > 1", "v > 3").replace("run: {", "run: {save_state: true, ")
    file.write_text(f"version: 1\nname: first\n{first}")
    folder = pipeline.run(pipeline.check(pipeline.read(file)), tmp_path / "out", RunOptions(plots=False)).folder
    (tmp_path / "state.npz").write_bytes((folder / "state.npz").read_bytes())
    later = text("1e6*second").replace("run: {", "run: {start_from: state.npz, ")
    file.write_text(f"version: 1\nname: later\n{later}metrics: {{n: count(m)}}\n")
    metrics = pipeline.run(pipeline.check(pipeline.read(file)), tmp_path / "out", RunOptions(plots=False)).metrics
    assert metrics["n"][0] == 3


def test_times_of_spikes_are_seconds_in_metrics(tmp_path: Path) -> None:
    file = tmp_path / "last.yaml"
    file.write_text(f"version: 1\nname: last\n{text('1e5*second')}metrics: {{last: max(g.lastspike)}}\n")
    metrics = pipeline.run(pipeline.check(pipeline.read(file)), tmp_path / "out", RunOptions(plots=False)).metrics
    assert metrics["last"][0] == pytest.approx(6.9e-3)

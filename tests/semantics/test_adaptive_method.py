"""`rkf45`: steps are taken in parts that keep the error small, and end where the threshold is crossed."""

from __future__ import annotations

import numpy as np
import pytest
from running import network_of, run_kernel

from snnrun.errors import ExperimentError, RunError

GROWTH = """
name: growth
groups:
  fine: {size: 1, equations: "dx/dt = x*(1 - x)/ms : 1", method: rkf45, tolerance: 1e-9, initial: {x: 0.1}}
  coarse: {size: 1, equations: "dx/dt = x*(1 - x)/ms : 1", method: rkf45, tolerance: 1e-4, initial: {x: 0.1}}
  stiff: {size: 1, equations: "dx/dt = (cos(t/ms) - x)/tau : 1\\ntau : second", method: rkf45, initial: {tau: 2*us}}
  adex:
    size: 1
    equations: |
      dv/dt = (-gL*(v-EL) + gL*D*exp((v-VT)/D) - w + 500*pA)/(200*pF) : volt
      dw/dt = (2*nS*(v-EL) - w)/(30*ms) : amp
    threshold: v > 0*mV
    reset: v = -58*mV
    method: rkf45
    initial: {v: EL}
constants: {gL: 10 nS, EL: -70 mV, VT: -50 mV, D: 2 mV}
monitors:
  fine: {kind: state, source: fine, variables: [x]}
  coarse: {kind: state, source: coarse, variables: [x]}
  stiff: {kind: state, source: stiff, variables: [x], dt: 1 ms}
  out: {kind: spikes, source: adex, variables: [w]}
run: {duration: 500 ms, dt: 0.1 ms}
"""


@pytest.fixture(scope="module")
def recorded():
    return run_kernel(GROWTH)


@pytest.mark.parametrize(("name", "tolerance"), [("fine", 1e-9), ("coarse", 1e-4)])
def test_the_error_of_the_logistic_equation_stays_within_the_tolerance_of_each_step(recorded, name, tolerance):
    t = np.arange(60) * 0.1
    exact = 1 / (1 + 9 * np.exp(-t))
    assert np.abs(recorded.state(name, "x")[:60, 0] / exact - 1).max() < 60 * tolerance


def test_a_time_constant_far_below_the_step_is_followed(recorded):
    """The solution is cos(t - tau/ms) once the start is forgotten, up to (tau/ms)**2."""
    t = np.arange(1, 500)
    np.testing.assert_allclose(recorded.state("stiff", "x")[1:, 0], np.cos(t - 2e-3), atol=1e-4)


def test_the_published_adaptive_exponential_model_spikes_51_times(recorded):
    """Brette and Gerstner 2005: v runs away within a step of 0.1 ms; to end it at the threshold keeps w."""
    steps, _ = recorded.spike_steps("out")
    assert len(steps) == 51
    assert steps[0] == 142
    assert recorded.extra("out", "w")[-1] == pytest.approx(39.3e-12, rel=5e-3)


def test_a_solution_that_ends_within_a_step_ends_the_run():
    text = 'name: x\ngroups: {g: {size: 1, equations: "dx/dt = x**2/ms : 1", method: rkf45, initial: {x: 1}}}\n'
    with pytest.raises(RunError, match=r"`x` of neuron 0 of `g` became NaN .* at t = 900 us: its equations run away"):
        run_kernel(text + "run: {duration: 2 ms, dt: 0.1 ms}\n")


@pytest.mark.parametrize(
    ("equation", "code", "words"),
    [
        ("-x/ms + xi*ms**-0.5", "EQ220", "does not integrate noise"),
        ("(rand() - x)/ms", "EQ220", "draws random numbers"),
    ],
)
def test_what_is_random_is_refused(equation, code, words):
    text = f'name: x\ngroups: {{g: {{size: 1, equations: "dx/dt = {equation} : 1", method: rkf45}}}}\n'
    with pytest.raises(ExperimentError, match=words) as caught:
        network_of(text + "run: {duration: 2 ms, dt: 0.1 ms}\n")
    assert caught.value.diagnostics[0].code == code

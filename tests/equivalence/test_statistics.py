"""Random experiments against statistics that Brian2 gave (data/statistics.json, made by brian2/random_models.py).

The test: for a quantity with entries m (standard error s) there and m' (s') here, the sum of
((m' - m)/sqrt(s^2 + s'^2))^2 is chi-squared with as many degrees of freedom as entries; a quantity fails when that sum
has p < 1e-6. Where nothing ever varied in the reference (s = 0), at most 1 in 100 of our repetitions may differ.
Entries of one neuron's time bins are correlated, which only widens the sum's distribution by little at these numbers.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from running import run_kernel
from scipy.stats import chi2

HERE = Path(__file__).parent
TUTORIAL = HERE.parents[1] / "experiments" / "tutorial"
REFERENCE = json.loads((HERE / "data" / "statistics.json").read_text(encoding="utf-8"))
LEVEL = 1e-6


def agree(model: str, quantity: str, samples: np.ndarray) -> None:
    """Compare the mean of samples, shape (repetitions, entries)."""
    theirs = REFERENCE[model]["quantities"][quantity]
    mean, error = np.array(theirs["mean"]), np.array(theirs["standard_error"])
    ours = samples.mean(axis=0)
    own = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    assert ours.shape == mean.shape
    varied = (error > 0) & (own > 0)
    assert varied.any()
    z = (ours - mean)[varied] / np.sqrt(error[varied] ** 2 + own[varied] ** 2)
    assert chi2.sf(float(np.sum(z**2)), int(varied.sum())) > LEVEL, f"{quantity}: z = {np.round(z, 1)}"
    still = error == 0
    assert np.mean(samples[:, still] != mean[still]) < 0.01 if still.any() else True


def agree_in_moments(model: str, name: str, samples: np.ndarray) -> None:
    """Compare mean and variance of samples, shape (repetitions,)."""
    agree(model, f"{name}_mean", samples[:, None])
    centred = samples - samples.mean()
    agree(model, f"{name}_variance", (centred**2)[:, None] * len(samples) / (len(samples) - 1))


def counts(memory, monitor: str, size: int) -> np.ndarray:
    return np.bincount(memory.spike_steps(monitor)[1], minlength=size).astype(float)


def test_noisy_neurons_of_demo_08_fire_at_the_same_rates():
    memory = run_kernel(
        TUTORIAL / "08-noisy-fi-curve.yaml",
        "groups.population.size=6000",
        "groups.population.initial.v0=(i % 30)*v0_max/29",
    )
    agree("noisy-fi-curve", "rate", counts(memory, "spikes", 6000).reshape(200, 30))


def test_population_rate_of_demo_09_follows_the_same_course():
    memory = run_kernel(TUTORIAL / "09-adaptive-threshold.yaml", "groups.population.size=9000")
    steps, neurons = memory.spike_steps("spikes")
    found = np.zeros((9000, 50))
    np.add.at(found, (neurons, steps // 10), 1000.0)
    agree("adaptive-threshold", "rate", found)


def test_rate_against_time_constant_of_demo_15():
    # each copy of the neuron has 100 Poisson inputs of its own
    text = """
version: 1
name: copies
groups:
  input: {kind: poisson, size: 100*6000, rates: 10 Hz}
  neuron:
    size: 6000
    equations: |
      dv/dt = -v/tau : 1
      tau : second (constant)
    method: exact
    threshold: v > 1
    reset: v = 0
    initial: {tau: (1 + 9*(i % 30)/29)*ms}
synapses:
  drive: {source: input, target: neuron, connect: {j: i//100}, on_pre: v_post += 0.1}
monitors:
  spikes: {kind: spikes, source: neuron}
run: {duration: 300 ms, dt: 0.1 ms}
"""
    memory = run_kernel(text)
    agree("time-constant-sweep", "rate", counts(memory, "spikes", 6000).reshape(200, 30) / 0.3)


def test_hodgkin_huxley_neurons_of_demo_16_spike_as_often():
    memory = run_kernel(TUTORIAL / "16-hodgkin-huxley.yaml", "groups.hh.size=2000")
    found = counts(memory, "spikes", 2000)
    agree_in_moments("hodgkin-huxley", "count", found)
    highest = len(REFERENCE["hodgkin-huxley"]["quantities"]["share"]["mean"])
    agree("hodgkin-huxley", "share", (found[:, None] == np.arange(highest)).astype(float))


def test_poisson_groups_count_as_often_and_follow_their_rate():
    memory = run_kernel("""
version: 1
name: poisson
groups:
  steady: {kind: poisson, size: 10000, rates: 50 Hz}
  waving: {kind: poisson, size: 10000, rates: 40*Hz*(1 + sin(2*pi*t/(200*ms)))}
monitors:
  counted: {kind: spikes, source: steady}
  listed: {kind: spikes, source: waving}
run: {duration: 1 s, dt: 0.1 ms}
""")
    agree_in_moments("poisson-groups", "count", counts(memory, "counted", 10000))
    steps, neurons = memory.spike_steps("listed")
    bins = np.zeros((10000, 20))
    np.add.at(bins, (neurons, steps // 500), 1.0)
    agree("poisson-groups", "waving_count", bins)


def test_poisson_inputs_add_as_much():
    memory = run_kernel("""
version: 1
name: inputs
groups:
  pop:
    size: 10000
    equations: |
      x : 1
      dy/dt = -y/(10*ms) : 1
    method: exact
inputs:
  to_x: {target: pop, variable: x, size: 1000, rate: 5 Hz, weight: 0.3}
  to_y: {target: pop, variable: y, size: 1000, rate: 5 Hz, weight: 0.3}
monitors:
  end: {kind: state, source: pop, variables: [x, y], dt: 99.9 ms, when: end, window: [99.9 ms, 100 ms]}
run: {duration: 100 ms, dt: 0.1 ms}
""")
    for name in ("x", "y"):
        agree_in_moments("poisson-inputs", name, memory.state("end", name)[-1])


@pytest.mark.parametrize("method", ["heun", "milstein"])
def test_multiplicative_noise_has_the_same_moments(method):
    memory = run_kernel(f"""
version: 1
name: geometric
constants: {{tau: 10 ms, sigma: 0.3, mu: -0.2}}
groups:
  pop:
    size: 20000
    equations: "dx/dt = mu*x/tau + sigma*x*xi*tau**-0.5 : 1"
    method: {method}
    initial: {{x: 1}}
monitors:
  end: {{kind: state, source: pop, variables: [x], dt: 19.9 ms, when: end, window: [19.9 ms, 20 ms]}}
run: {{duration: 20 ms, dt: 0.1 ms}}
""")
    agree_in_moments("white-noise", f"log_{method}", np.log(memory.state("end", "x")[-1]))


def test_two_noises_one_of_them_in_both_equations():
    memory = run_kernel("""
version: 1
name: ornstein
constants: {tau: 10 ms, sigma: 0.3}
groups:
  pop:
    size: 20000
    equations: |
      dx/dt = -x/tau + sigma*sqrt(2/tau)*xi_a : 1
      dy/dt = -y/tau + 0.5*sigma*sqrt(2/tau)*(xi_a + xi_b) : 1
    method: euler
monitors:
  end: {kind: state, source: pop, variables: [x, y], dt: 19.9 ms, when: end, window: [19.9 ms, 20 ms]}
run: {duration: 20 ms, dt: 0.1 ms}
""")
    x, y = memory.state("end", "x")[-1], memory.state("end", "y")[-1]
    for name, samples in (("x", x), ("y", y), ("x_times_y", x * y)):
        agree_in_moments("white-noise", name, samples)

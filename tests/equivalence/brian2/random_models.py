"""Statistics of the random demos and of every kind of noise, computed with Brian2.

    python random_models.py [MODEL ...]

Writes `../data/statistics.json`: a model has its settings and its `quantities`; a quantity has, along an `axis` (or for
`spike_counts` along the counts), the `mean` of `repetitions` independent neurons and its `standard_error`.

The test these numbers are for, of our mean m' with standard error s' against m with s from n repetitions: with
z = (m' - m)/sqrt(s**2 + s'**2), the sum of z**2 over the k entries of a quantity is chi-squared with k degrees of
freedom (less where entries are correlated), so a quantity fails at p < 1e-4 of that sum. Where a standard error is 0
(nothing ever happened) at most 10 of our repetitions in n may differ from m.
"""

# ruff: noqa: T201 - a script that reports on the terminal

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
from brian2 import (
    BrianLogger,
    Hz,
    NeuronGroup,
    PoissonGroup,
    PoissonInput,
    SpikeMonitor,
    defaultclock,
    ms,
    mV,
    nA,
    prefs,
    second,
    seed,
)
from demos import hodgkin_huxley_constants, hodgkin_huxley_equations
from make_reference import DATA
from numpy.typing import NDArray
from recording import simulate

Json = dict[str, Any]


def means(samples: NDArray[np.float64], axis: Json | None = None) -> Json:
    """Mean and standard error of samples, shape (repetitions, entries)."""
    repetitions = samples.shape[0]
    error = samples.std(axis=0, ddof=1) / np.sqrt(repetitions)
    return {
        **({"axis": axis} if axis else {}),
        "repetitions": repetitions,
        "mean": rounded(samples.mean(axis=0)),
        "standard_error": rounded(error),
    }


def moments(samples: NDArray[np.float64]) -> Json:
    """Mean and variance of independent samples, shape (repetitions,), each with its standard error."""
    centred = samples - samples.mean()
    variance = float(np.mean(centred**2))
    fourth = float(np.mean(centred**4))
    spread = np.sqrt(max(fourth - variance**2, 0.0) / samples.size)
    return {
        "mean": means(samples[:, None]),
        "variance": {"repetitions": samples.size, "mean": rounded([variance]), "standard_error": rounded([spread])},
    }


def rounded(values: Any) -> list[float]:
    """Values to eight digits, enough beside their errors and stable in git."""
    return [float(f"{value:.8g}") for value in np.asarray(values, dtype=np.float64)]


def noisy_fi_curve() -> Json:
    """Demo 08: rate against v0, 300 repetitions of each of 30 neurons, 1 s."""
    neurons, repetitions = 30, 300
    equations = """
    dv/dt = (v0-v)/tau+sigma*xi*tau**-.5 : 1 (unless refractory)
    v0 : 1
    """
    group = NeuronGroup(
        neurons * repetitions, equations, threshold="v>.8", reset="v=0", refractory=5 * ms, method="euler"
    )
    v0 = np.arange(neurons) * 3.0 / (neurons - 1)
    group.v0 = np.tile(v0, repetitions)
    spikes = SpikeMonitor(group, record=False)
    simulate(1 * second, [group, spikes], {"tau": 10 * ms, "sigma": 0.2})
    counts = np.asarray(spikes.count, dtype=np.float64).reshape(repetitions, neurons)
    return {"duration": 1.0, "quantities": {"rate": means(counts, {"v0": rounded(v0)})}}


def adaptive_threshold() -> Json:
    """Demo 09 with `vt` from the firing threshold: rate in bins of 1 ms over 50 ms; 9000 neurons."""
    neurons = 9000
    resting, firing = -65 * mV, -50 * mV
    constants = {
        "resting_potential": resting, "firing_threshold": firing, "delta_vt0": 5 * mV, "tau": 10 * ms, "tau_t": 10 * ms,
        "sigma": 0.5 * (firing - resting), "v_drive": 2 * (firing - resting),
    }  # fmt: skip
    group = NeuronGroup(
        neurons,
        """
        dv/dt = (v_drive+resting_potential-v)/tau + sigma*xi*tau**-.5 : volt
        dvt/dt = (firing_threshold-vt)/tau_t : volt
        """,
        threshold="v>vt", reset="v = resting_potential\nvt += delta_vt0", refractory=5 * ms, method="euler",
        namespace=constants,
    )  # fmt: skip
    group.v = "rand()*(firing_threshold-resting_potential)+resting_potential"
    group.vt = firing
    spikes = SpikeMonitor(group)
    simulate(50 * ms, [group, spikes])
    step = np.rint(np.asarray(spikes.t / ms) * 10).astype(int)
    counts = np.zeros((neurons, 50))
    np.add.at(counts, (np.asarray(spikes.i), step // 10), 1.0)
    axis = {"bin_start": rounded(np.arange(50) * 1e-3)}
    return {"duration": 0.05, "quantities": {"rate": means(counts * 1000.0, axis)}}


def time_constant_sweep() -> Json:
    """Demo 15: rate against tau, 400 repetitions of each of 30 time constants, 300 ms.

    Each neuron has its own 100 inputs, as a Poisson input: a binomial number of them spikes in a step.
    """
    points, repetitions = 30, 400
    tau = np.linspace(1, 10, points)
    group = NeuronGroup(
        points * repetitions, "dv/dt = -v/tau : 1\ntau : second", threshold="v>1", reset="v = 0", method="exact"
    )
    group.tau = np.tile(tau, repetitions) * ms
    drive = PoissonInput(group, "v", 100, 10 * Hz, weight=0.1)
    spikes = SpikeMonitor(group, record=False)
    simulate(300 * ms, [group, drive, spikes])
    counts = np.asarray(spikes.count, dtype=np.float64).reshape(repetitions, points)
    return {"duration": 0.3, "quantities": {"rate": means(counts / 0.3, {"tau": rounded(tau * 1e-3)})}}


def hodgkin_huxley() -> Json:
    """Demo 16: spikes in 50 ms under a current redrawn each 10 ms; 2000 neurons."""
    group = NeuronGroup(
        2000, hodgkin_huxley_equations("Cm") + "I : amp", threshold="v > -40*mV", refractory="v > -40*mV",
        method="exponential_euler", namespace={**hodgkin_huxley_constants(), "nA": nA},
    )  # fmt: skip
    group.v = -65 * mV
    group.run_regularly("I = rand()*50*nA", dt=10 * ms)
    spikes = SpikeMonitor(group, record=False)
    simulate(50 * ms, [group, spikes])
    counts = np.asarray(spikes.count, dtype=np.float64)
    highest = int(counts.max())
    share = counts[:, None] == np.arange(highest + 1)[None, :]
    axis = {"spikes": list(range(highest + 1))}
    quantities = {"count_" + name: value for name, value in moments(counts).items()}
    return {"duration": 0.05, "quantities": {**quantities, "share": means(share.astype(np.float64), axis)}}


def poisson_groups() -> Json:
    """Counts in 1 s at 50 Hz (binomial with p = rate*dt), and in bins of 50 ms of a rate that follows a sine."""
    steady = PoissonGroup(10000, rates=50 * Hz)
    waving = PoissonGroup(10000, rates="40*Hz*(1 + sin(2*pi*t/(200*ms)))")
    counted, listed = SpikeMonitor(steady, record=False), SpikeMonitor(waving)
    simulate(1 * second, [steady, waving, counted, listed], {"Hz": Hz})
    step = np.rint(np.asarray(listed.t / ms) * 10).astype(int)
    bins = np.zeros((10000, 20))
    np.add.at(bins, (np.asarray(listed.i), step // 500), 1.0)
    quantities = {"count_" + name: value for name, value in moments(np.asarray(counted.count, dtype=float)).items()}
    axis = {"bin_start": rounded(np.arange(20) * 0.05)}
    return {"duration": 1.0, "quantities": {**quantities, "waving_count": means(bins, axis)}}


def poisson_inputs() -> Json:
    """What 1000 trains of 5 Hz with weight 0.3 add in 100 ms to a variable without leak, and to one with leak."""
    group = NeuronGroup(10000, "x : 1\ndy/dt = -y/(10*ms) : 1", method="exact")
    inputs = [PoissonInput(group, name, 1000, 5 * Hz, weight=0.3) for name in ("x", "y")]
    simulate(100 * ms, [group, *inputs])
    quantities = {}
    for name in ("x", "y"):
        for moment, value in moments(np.array(getattr(group, name)[:])).items():
            quantities[f"{name}_{moment}"] = value
    return {"duration": 0.1, "quantities": quantities}


def white_noise() -> Json:
    """Moments at 20 ms: `euler` with two processes, one in both equations; multiplicative by `heun` and `milstein`."""
    ornstein = NeuronGroup(
        20000,
        """
        dx/dt = -x/tau + sigma*sqrt(2/tau)*xi_a : 1
        dy/dt = -y/tau + 0.5*sigma*sqrt(2/tau)*(xi_a + xi_b) : 1
        """,
        method="euler",
    )
    geometric = {
        method: NeuronGroup(20000, "dx/dt = mu*x/tau + sigma*x*xi*tau**-0.5 : 1", method=method)
        for method in ("heun", "milstein")
    }
    for group in geometric.values():
        group.x = 1
    simulate(20 * ms, [ornstein, *geometric.values()], {"tau": 10 * ms, "sigma": 0.3, "mu": -0.2})
    x, y = np.array(ornstein.x[:]), np.array(ornstein.y[:])
    samples = {"x": x, "y": y, "x_times_y": x * y}
    samples |= {f"log_{method}": np.log(np.array(group.x[:])) for method, group in geometric.items()}
    quantities = {f"{name}_{moment}": value for name, s in samples.items() for moment, value in moments(s).items()}
    return {"duration": 0.02, "quantities": quantities}


MODELS = (
    noisy_fi_curve,
    adaptive_threshold,
    time_constant_sweep,
    hodgkin_huxley,
    poisson_groups,
    poisson_inputs,
    white_noise,
)


def main() -> int:
    """Compute the named models, all without names, and keep the others of the file."""
    prefs.codegen.target = "numpy"
    BrianLogger.log_level_error()
    path = DATA / "statistics.json"
    results: Json = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for model in MODELS:
        name = model.__name__.replace("_", "-")
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        defaultclock.dt = 0.1 * ms
        seed(20181109)
        started = time.perf_counter()
        results[name] = {"description": (model.__doc__ or "").splitlines()[0], "dt": 1e-4, "seed": 20181109, **model()}
        print(f"{name}: {time.perf_counter() - started:.1f} s", flush=True)
    path.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Cases that pin timed arrays, spike sources, operations, phases and when monitors sample."""

from __future__ import annotations

import numpy as np
from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, StateMonitor, Synapses, TimedArray, ms
from recording import Recording, simulate


def inputs_timed_array_index() -> Recording:
    """Which bin an argument falls into, at and just before bin borders, before the start and after the end."""
    equations = """
    now = f(t) : 1
    ahead = f(t + 0.097*ms) : 1
    almost = f(t + 0.094*ms) : 1
    back = f(t - 0.35*ms) : 1
    coarse = g(t) : 1
    coarse_ahead = g(t + 0.0975*ms) : 1
    late = f(t - i*ms) : 1
    """
    group = NeuronGroup(3, equations)
    names = ["now", "ahead", "almost", "back", "coarse", "coarse_ahead", "late"]
    trace = StateMonitor(group, names, record=True)
    arrays = {
        "f": TimedArray([1, 2, 4, 8, 16, 32, 64], dt=0.3 * ms),
        "g": TimedArray([1, -1, 3, -2], dt=0.7 * ms),
    }
    simulate(5 * ms, [group, trace], arrays)
    recording = Recording()
    recording.state("bins", trace, names)
    return recording


def inputs_timed_array_2d() -> Recording:
    """A timed array with a column a neuron, and a delay a neuron, driving neurons."""
    rows, columns = np.mgrid[0:8, 0:5]
    values = (3 * rows + 5 * columns + rows * columns) % 11 / 10
    equations = """
    dv/dt = (2*ta(t, i) + late - v)/tau : 1
    late = ta(t - shift, 4 - i) : 1
    shift : second
    """
    group = NeuronGroup(5, equations, threshold="v > 1", reset="v = 0", method="euler")
    group.shift = "1.5*i*ms"
    trace, spikes = StateMonitor(group, ["v", "late"], record=True), SpikeMonitor(group)
    simulate(30 * ms, [group, trace, spikes], {"tau": 4 * ms, "ta": TimedArray(values, dt=3 * ms)})
    recording = Recording()
    recording.state("state", trace, ["v", "late"], every=3)
    recording.spikes("spikes", spikes)
    return recording


def inputs_spike_source() -> Recording:
    """Spikes listed in any order, off the grid, at t = 0, and repeated with a period."""
    unordered = SpikeGeneratorGroup(4, [2, 0, 3, 1, 0, 2, 0], [7.3, 5, 0, 1.05, 1.2, 0.3, 4.99] * ms, name="unordered")
    periodic = SpikeGeneratorGroup(2, [0, 1, 0], [0, 1.7, 3.1] * ms, period=4 * ms, name="periodic")
    target = NeuronGroup(2, "x : 1")
    synapses = Synapses(periodic, target, on_pre="x_post += 1", delay=0.3 * ms)
    synapses.connect(j="i")
    first, second = SpikeMonitor(unordered), SpikeMonitor(periodic)
    trace = StateMonitor(target, "x", record=True)
    simulate(15 * ms, [unordered, periodic, target, synapses, first, second, trace])
    recording = Recording()
    recording.spikes("unordered", first)
    recording.spikes("periodic", second)
    recording.state("x", trace, ["x"])
    return recording


def inputs_operations() -> Recording:
    """Operations act at 0, d, 2d, ... before monitors sample; two on one group by order; one on synapses."""
    group = NeuronGroup(3, "dv/dt = -v/tau : 1\nstep_count : 1", method="exact", name="group")
    group.run_regularly("v = 2*v + 1; step_count = t_in_timesteps", dt=1 * ms, order=-2)
    group.run_regularly("v = v + i", dt=0.5 * ms, order=-3)
    synapses = Synapses(group, group, "w : 1")
    synapses.connect(condition="i != j")
    synapses.run_regularly("w = clip(w + 0.1*v_pre - 0.05*v_post, 0, 1.5)", dt=2 * ms, order=-1)
    trace = StateMonitor(group, ["v", "step_count"], record=True)
    weights = StateMonitor(synapses, "w", record=True)
    simulate(10 * ms, [group, synapses, trace, weights], {"tau": 0.8 * ms})
    recording = Recording()
    recording.state("state", trace, ["v", "step_count"])
    recording.state("w", weights, ["w"], every=2)
    return recording


def inputs_monitor_step() -> Recording:
    """State monitors with their own dt and only some neurons; values are those before the step, or at its end."""
    group = NeuronGroup(5, "dv/dt = (1 + i - v)/tau : 1", threshold="v > 0.9", reset="v = 0", method="exact")
    coarse = StateMonitor(group, "v", record=True, dt=0.7 * ms)
    some = StateMonitor(group, "v", record=[1, 3], dt=0.2 * ms)
    after = StateMonitor(group, "v", record=True, when="end")
    simulate(20 * ms, [group, coarse, some, after], {"tau": 5 * ms})
    recording = Recording()
    recording.state("coarse", coarse, ["v"])
    recording.state("some", some, ["v"])
    recording.state("after", after, ["v"], every=2)
    return recording


def inputs_phases() -> Recording:
    """Two phases: a variable changes between them, spikes under way and refractoriness go on."""
    group = NeuronGroup(
        3, "dv/dt = (drive - v)/tau : 1 (unless refractory)\ndrive : 1",
        threshold="v > 1", reset="v = 0", refractory=3 * ms, method="exact",
    )  # fmt: skip
    group.drive = "1.2 + 0.3*i"
    synapses = Synapses(group, group, on_pre="v_post += 0.2", delay=6 * ms)
    synapses.connect(j="(i + 1) % N_post")
    trace, spikes = StateMonitor(group, "v", record=True), SpikeMonitor(group)
    network = Network(group, synapses, trace, spikes)
    network.run(20 * ms, namespace={"tau": 5 * ms})
    group.drive = "0.5 + 0.5*i"
    network.run(15 * ms, namespace={"tau": 5 * ms})
    recording = Recording()
    recording.state("v", trace, ["v"], every=2)
    recording.spikes("spikes", spikes)
    return recording


CASES = (
    inputs_timed_array_index,
    inputs_timed_array_2d,
    inputs_spike_source,
    inputs_operations,
    inputs_monitor_step,
    inputs_phases,
)

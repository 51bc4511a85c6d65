"""Cases that pin what refractory means."""

from __future__ import annotations

import numpy as np
from brian2 import NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, StateMonitor, Synapses, ms
from recording import Recording, simulate

LEAK = "dv/dt = (drive - v)/tau : 1 (unless refractory)\ndrive : 1\n"


def refractory_forms() -> Recording:
    """A time (not a multiple of dt), a string, a variable, a condition, and a condition on the time since the spike."""
    forms = {
        "time": (2.06 * ms, ""),
        "string": ("(1 + 2*(i % 2))*ms", ""),
        "variable": ("period", "period : second"),
        "condition": ("u > 0.4", "du/dt = -u/(4*ms) : 1"),
        "since": ("(t - lastspike) < 3.05*ms", ""),
    }
    recording = Recording()
    for name, (refractory, extra) in forms.items():
        reset = "v = 0; u = 1" if name == "condition" else "v = 0"
        group = NeuronGroup(
            4, LEAK + extra, threshold="v > 0.8", reset=reset, refractory=refractory, method="exact", name=name
        )
        group.drive = "1.1 + 0.4*i"
        if name == "variable":
            group.period = "(0.5 + 1.5*i)*ms"
        trace, spikes = StateMonitor(group, "v", record=True), SpikeMonitor(group)
        simulate(50 * ms, [group, trace, spikes], {"tau": 5 * ms})
        recording.state(f"v_{name}", trace, ["v"], every=10)
        recording.spikes(name, spikes)
    return recording


def refractory_frozen() -> Recording:
    """A frozen variable ignores synapses and operations, a free one does not; the own reset still applies."""
    equations = """
    dv/dt = (1.5 - v)/tau : 1 (unless refractory)
    du/dt = -u/tau : 1
    """
    group = NeuronGroup(
        3, equations, threshold="v > 1", reset="v = 0.1*(1 + i); u = 0", refractory=4 * ms, method="rk4"
    )
    group.v = "0.3*i"
    source = SpikeGeneratorGroup(1, [0] * 10, [2, 5, 8, 11, 14, 17, 20, 23, 26, 29] * ms)
    synapses = Synapses(source, group, on_pre="v_post += 0.15; u_post += 0.15")
    synapses.connect()
    group.run_regularly("v += 0.02; u += 0.02", dt=1 * ms)
    trace = StateMonitor(group, ["v", "u", "not_refractory"], record=True)
    spikes = SpikeMonitor(group, ["v", "u"])
    simulate(40 * ms, [group, source, synapses, trace, spikes], {"tau": 6 * ms})
    recording = Recording()
    recording.state("state", trace, ["v", "u", "not_refractory"], every=2)
    recording.spikes("spikes", spikes, ["v", "u"])
    return recording


def refractory_boundaries() -> Recording:
    """Synapses and an operation push in every step, so the first and the last frozen step of each show."""
    group = NeuronGroup(
        4,
        "dv/dt = (drive - v)/tau : 1 (unless refractory)\ndrive : 1\npushed : 1",
        threshold="v > 1",
        reset="v -= 1",
        refractory="(0.2 + 0.3*i)*ms",
        method="exact",
    )
    group.drive = "1 + 0.5*i"
    source = SpikeGeneratorGroup(1, [0] * 80, np.arange(20, 100) * 0.1 * ms)
    synapses = Synapses(source, group, on_pre="v_post += 0.03125")
    synapses.connect()
    group.run_regularly("v += 0.015625; pushed += int(not_refractory)", dt=0.1 * ms)
    trace = StateMonitor(group, ["v", "pushed", "not_refractory"], record=True)
    spikes = SpikeMonitor(group, ["v"])
    simulate(15 * ms, [group, source, synapses, trace, spikes], {"tau": 4 * ms})
    recording = Recording()
    recording.state("state", trace, ["v", "pushed", "not_refractory"])
    recording.spikes("spikes", spikes, ["v"])
    return recording


def refractory_spike_while_above() -> Recording:
    """A neuron held above threshold spikes again at the first step out of its refractory period."""
    group = NeuronGroup(4, "v : 1\nperiod : second", threshold="v > 1", refractory="period", reset="", name="held")
    group.v = 2
    group.period = [0, 0.1, 0.5, 1.25] * ms
    trace, spikes = StateMonitor(group, "lastspike", record=True), SpikeMonitor(group)
    simulate(5 * ms, [group, trace, spikes])
    recording = Recording()
    recording.state("last", trace, ["lastspike"], every=3)
    recording.spikes("spikes", spikes)
    return recording


def refractory_in_equations() -> Recording:
    """`lastspike` and `not_refractory` inside equations, subexpressions and operations."""
    equations = """
    dv/dt = (1.3 + 0.2*i - v + 0.5*after)/tau : 1 (unless refractory)
    dx/dt = (int(not_refractory) - x)/tau : 1
    after = exp(-(t - lastspike)/(5*ms))*int(not_refractory) : 1
    age : second
    """
    group = NeuronGroup(3, equations, threshold="v > 1", reset="v = 0", refractory=2 * ms, method="euler")
    group.run_regularly("age = t - lastspike", dt=1 * ms)
    trace = StateMonitor(group, ["v", "x", "after", "lastspike", "age"], record=True)
    spikes = SpikeMonitor(group, ["lastspike"])
    simulate(40 * ms, [group, trace, spikes], {"tau": 7 * ms})
    recording = Recording()
    recording.state("state", trace, ["v", "x", "after", "lastspike", "age"], every=4)
    recording.spikes("spikes", spikes, ["lastspike"])
    return recording


CASES = (
    refractory_forms,
    refractory_frozen,
    refractory_boundaries,
    refractory_spike_while_above,
    refractory_in_equations,
)

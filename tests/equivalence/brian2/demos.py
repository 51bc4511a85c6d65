"""The deterministic demos of the founding notebook, numbers as there (random draws replaced by fixed values)."""

from __future__ import annotations

import numpy as np
from brian2 import (
    Hz,
    NeuronGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    cm,
    ms,
    msiemens,
    mV,
    nA,
    siemens,
    ufarad,
    umetre,
)
from recording import Recording, simulate

LEAK = "dv/dt = (1-v)/tau : 1"
LEAK_REFRACTORY = "dv/dt = (1-v)/tau : 1 (unless refractory)"
DRIVEN_PAIR = """
dv/dt = (I-v)/tau : 1
I : 1
tau : second
"""


def demo_02_exact_decay() -> Recording:
    """One neuron relaxing to 1, `exact`."""
    group = NeuronGroup(1, LEAK, method="exact")
    trace = StateMonitor(group, "v", record=True)
    simulate(50 * ms, [group, trace], {"tau": 10 * ms})
    recording = Recording()
    recording.state("v", trace, ["v"])
    return recording


def demo_03_oscillating_drive() -> Recording:
    """A sine of time as drive, `euler`, from v = 2."""
    group = NeuronGroup(1, "dv/dt = (sin(2*pi*250*Hz*t)-v)/tau : 1", method="euler")
    group.v = 2
    trace = StateMonitor(group, "v", record=True)
    simulate(100 * ms, [group, trace], {"tau": 10 * ms, "Hz": Hz})
    recording = Recording()
    recording.state("v", trace, ["v"])
    return recording


def demo_04_spikes() -> Recording:
    """Threshold 0.8, reset to 0."""
    group = NeuronGroup(1, LEAK, threshold="v>.8", reset="v = 0", method="euler")
    group.v = 0.5
    trace, spikes = StateMonitor(group, "v", record=True), SpikeMonitor(group)
    simulate(100 * ms, [group, trace, spikes], {"tau": 20 * ms})
    recording = Recording()
    recording.state("v", trace, ["v"])
    recording.spikes("spikes", spikes)
    return recording


def demo_05_refractory() -> Recording:
    """The same with a refractory period of 10 ms that freezes v."""
    group = NeuronGroup(1, LEAK_REFRACTORY, threshold="v>.8", refractory=10 * ms, reset="v = 0", method="euler")
    group.v = 0.5
    trace, spikes = StateMonitor(group, "v", record=True), SpikeMonitor(group)
    simulate(100 * ms, [group, trace, spikes], {"tau": 20 * ms})
    recording = Recording()
    recording.state("v", trace, ["v"])
    recording.spikes("spikes", spikes)
    return recording


def demo_06_raster() -> Recording:
    """Thirty neurons from thirty different values of v."""
    group = NeuronGroup(30, LEAK_REFRACTORY, threshold="v>.8", refractory=5 * ms, reset="v = 0", method="euler")
    group.v = (np.arange(30) * 7 % 30) / 30
    trace, spikes = StateMonitor(group, "v", record=True), SpikeMonitor(group)
    simulate(100 * ms, [group, trace, spikes], {"tau": 10 * ms})
    recording = Recording()
    recording.state("v", trace, ["v"], every=11)
    recording.spikes("spikes", spikes)
    return recording


def demo_07_fi_curve() -> Recording:
    """A drive for each neuron, `exact`, refractory 2 ms."""
    equations = """
    dv/dt = (v0-v)/tau : 1 (unless refractory)
    v0 : 1
    """
    group = NeuronGroup(30, equations, threshold="v>.8", reset="v=0", refractory=2 * ms, method="exact")
    group.v0 = "i*3./(N-1)"
    trace, spikes = StateMonitor(group, ["v", "v0"], record=True), SpikeMonitor(group)
    simulate(100 * ms, [group, trace, spikes], {"tau": 10 * ms})
    recording = Recording()
    recording.state("v", trace, ["v", "v0"], every=23)
    recording.spikes("spikes", spikes)
    return recording


def demo_09_adaptive_threshold() -> Recording:
    """A threshold with an equation and a jump of its own, in volts, without the noise."""
    resting, firing = -65 * mV, -50 * mV
    constants = {
        "resting_potential": resting, "firing_threshold": firing, "delta_vt0": 5 * mV, "tau": 10 * ms, "tau_t": 10 * ms,
        "v_drive": 2 * (firing - resting),
    }  # fmt: skip
    group = NeuronGroup(
        10,
        """
        dv/dt = (v_drive+resting_potential-v)/tau : volt
        dvt/dt = (firing_threshold-vt)/tau_t : volt
        """,
        threshold="v>vt",
        reset="v = resting_potential\nvt += delta_vt0",
        refractory=5 * ms,
        method="euler",
        namespace=constants,
    )
    group.v = "(i*7 % 10)/10*(firing_threshold-resting_potential)+resting_potential"
    group.vt = firing
    trace, spikes = StateMonitor(group, ["v", "vt"], record=True), SpikeMonitor(group, ["v", "vt"])
    simulate(50 * ms, [group, trace, spikes])
    recording = Recording()
    recording.state("state", trace, ["v", "vt"], every=5)
    recording.spikes("spikes", spikes, ["v", "vt"])
    return recording


def demo_10_two_neurons() -> Recording:
    """One synapse with a delay of 5 ms; per-neuron I and tau."""
    group = NeuronGroup(2, DRIVEN_PAIR, threshold="v>1", reset="v=0", method="euler")
    group.I = [2, 0]
    group.tau = [10, 100] * ms
    synapses = Synapses(group, group, on_pre="v_post += .2", delay=5 * ms)
    synapses.connect(i=0, j=1)
    trace, spikes = StateMonitor(group, "v", record=True), SpikeMonitor(group)
    simulate(100 * ms, [group, synapses, trace, spikes])
    recording = Recording()
    recording.state("v", trace, ["v"])
    recording.spikes("spikes", spikes)
    return recording


def demo_11_weights_and_delays() -> Recording:
    """Weight and delay of a synapse given by its target's index."""
    group = NeuronGroup(3, DRIVEN_PAIR, threshold="v>1", reset="v=0", method="euler")
    group.I = [2, 0, 0]
    group.tau = [10, 100, 100] * ms
    synapses = Synapses(group, group, "w : 1", on_pre="v_post += w")
    synapses.connect(i=0, j=[1, 2])
    synapses.w = "j*.2"
    synapses.delay = "j*.2*ms"
    trace, spikes = StateMonitor(group, "v", record=True), SpikeMonitor(group)
    simulate(100 * ms, [group, synapses, trace, spikes])
    recording = Recording()
    recording.state("v", trace, ["v"])
    recording.spikes("spikes", spikes)
    return recording


def demo_13_neighbours() -> Recording:
    """Neighbours at most three apart, by a condition and by a generator."""
    group = NeuronGroup(10, "v : 1")
    by_condition, by_generator = Synapses(group, group), Synapses(group, group)
    by_condition.connect(condition="abs(i-j)<4 and i!=j", skip_if_invalid=True)
    by_generator.connect(j="k for k in range(i-3, i+4) if k != i", skip_if_invalid=True)
    recording = Recording()
    recording.connectivity("by_condition", by_condition)
    recording.connectivity("by_generator", by_generator)
    return recording


def _stdp(kind: str) -> Recording:
    group = NeuronGroup(2, "v:1", threshold="t>(1+i)*10*ms", refractory=100 * ms)
    synapses = Synapses(
        group,
        group,
        f"""
        w : 1
        dapre/dt = -apre/tau_pre : 1 ({kind})
        dapost/dt = -apost/tau_post : 1 ({kind})
        """,
        on_pre="""
        v_post += w
        apre += Apre
        w = clip(w + apost, 0, wmax)
        """,
        on_post="""
        apost += Apost
        w = clip(w + apre, 0, wmax)
        """,
        method="exact",
    )
    synapses.connect(i=0, j=1)
    trace, potential = (
        StateMonitor(synapses, ["w", "apre", "apost"], record=True),
        StateMonitor(group, "v", record=True),
    )
    spikes = SpikeMonitor(group)
    constants = {"tau_pre": 20 * ms, "tau_post": 20 * ms, "wmax": 0.01, "Apre": 0.01, "Apost": -0.01 * 1.05}
    simulate(30 * ms, [group, synapses, trace, potential, spikes], constants)
    recording = Recording()
    recording.state("weight", trace, ["w", "apre", "apost"])
    recording.state("v", potential, ["v"])
    recording.spikes("spikes", spikes)
    return recording


def demo_14_stdp_clock_driven() -> Recording:
    """The traces integrated at each step."""
    return _stdp("clock-driven")


def demo_14_stdp_event_driven() -> Recording:
    """The traces integrated at events only: monitors see the stored value of the last event."""
    return _stdp("event-driven")


def hodgkin_huxley_constants() -> dict[str, object]:
    area = 20000 * umetre**2
    return {
        "Cm": 1 * ufarad * cm**-2 * area,
        "gl": 5e-5 * siemens * cm**-2 * area,
        "El": -65 * mV,
        "EK": -90 * mV,
        "ENa": 50 * mV,
        "g_na": 100 * msiemens * cm**-2 * area,
        "g_kd": 30 * msiemens * cm**-2 * area,
        "VT": -63 * mV,
        "area": area,
        "currents": TimedArray([12.5, 40, 3, 27, 8] * nA, dt=10 * ms),
    }


def hodgkin_huxley_equations(capacitance: str) -> str:
    return f"""
    dv/dt = (gl*(El-v) - g_na*(m*m*m)*h*(v-ENa) - g_kd*(n*n*n*n)*(v-EK) + I)/{capacitance} : volt
    dm/dt = 0.32*(mV**-1)*(13.*mV-v+VT)/
        (exp((13.*mV-v+VT)/(4.*mV))-1.)/ms*(1-m)-0.28*(mV**-1)*(v-VT-40.*mV)/
        (exp((v-VT-40.*mV)/(5.*mV))-1.)/ms*m : 1
    dn/dt = 0.032*(mV**-1)*(15.*mV-v+VT)/
        (exp((15.*mV-v+VT)/(5.*mV))-1.)/ms*(1.-n)-.5*exp((10.*mV-v+VT)/(40.*mV))/ms*n : 1
    dh/dt = 0.128*exp((17.*mV-v+VT)/(18.*mV))/ms*(1.-h)-4./(1+exp((40.*mV-v+VT)/(5.*mV)))/ms*h : 1
    """


def demo_16_hodgkin_huxley() -> Recording:
    """Another current each 10 ms; threshold and refractoriness by one condition; v recorded at the spike."""
    constants = hodgkin_huxley_constants()
    group = NeuronGroup(
        1,
        hodgkin_huxley_equations("Cm") + "I : amp",
        threshold="v > -40*mV",
        refractory="v > -40*mV",
        method="exponential_euler",
        namespace=constants,
    )
    group.v = constants["El"]
    trace, spikes = StateMonitor(group, ["v", "m", "h", "n", "I"], record=True), SpikeMonitor(group, variables="v")
    group.run_regularly("I = currents(t)", dt=10 * ms)
    simulate(50 * ms, [group, trace, spikes])
    recording = Recording()
    recording.state("state", trace, ["v", "m", "h", "n", "I"])
    recording.spikes("spikes", spikes, ["v"])
    return recording


def demo_18_shared_current() -> Recording:
    """One shared current, three capacitances."""
    constants = hodgkin_huxley_constants()
    group = NeuronGroup(
        3,
        hodgkin_huxley_equations("C") + "I : amp (shared)\nC : farad",
        threshold="v > -40*mV",
        refractory="v > -40*mV",
        method="exponential_euler",
        namespace=constants,
    )
    group.v = constants["El"]
    group.C = np.array([0.8, 1, 1.2]) * ufarad * cm**-2 * constants["area"]
    trace, spikes = StateMonitor(group, "v", record=True), SpikeMonitor(group, variables="v")
    group.run_regularly("I = currents(t)", dt=10 * ms)
    simulate(50 * ms, [group, trace, spikes])
    recording = Recording()
    recording.state("v", trace, ["v"])
    recording.spikes("spikes", spikes, ["v"])
    return recording


def demo_19_image() -> Recording:
    """A matrix as input, one row a millisecond, one column a neuron, without the noise."""
    rows, columns = np.mgrid[0:20, 0:8]
    image = (rows * rows + 3 * columns * rows + 5 * columns) % 17 / 16
    group = NeuronGroup(8, "dv/dt = (A*ta(t,i)-v)/tau : 1", threshold="v>1", reset="v=0", method="euler")
    trace, spikes = StateMonitor(group, "v", record=True), SpikeMonitor(group)
    simulate(20 * ms, [group, trace, spikes], {"A": 1.5, "tau": 2 * ms, "ta": TimedArray(image, dt=1 * ms)})
    recording = Recording()
    recording.state("v", trace, ["v"])
    recording.spikes("spikes", spikes)
    return recording


CASES = (
    demo_02_exact_decay,
    demo_03_oscillating_drive,
    demo_04_spikes,
    demo_05_refractory,
    demo_06_raster,
    demo_07_fi_curve,
    demo_09_adaptive_threshold,
    demo_10_two_neurons,
    demo_11_weights_and_delays,
    demo_13_neighbours,
    demo_14_stdp_clock_driven,
    demo_14_stdp_event_driven,
    demo_16_hodgkin_huxley,
    demo_18_shared_current,
    demo_19_image,
)

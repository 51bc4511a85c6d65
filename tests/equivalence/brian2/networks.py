"""Small whole networks, where many rules meet."""

from __future__ import annotations

from brian2 import NeuronGroup, SpikeMonitor, StateMonitor, Synapses, ms, mV, nS, pA, pF
from recording import Recording, simulate


def network_conductances() -> Recording:
    """Twenty neurons, excitatory and inhibitory subgroups, conductances, delays, refractoriness, in SI units."""
    equations = """
    dv/dt = (gl*(El - v) + ge*(Ee - v) + gi*(Ei - v) + I)/C : volt (unless refractory)
    dge/dt = -ge/(5*ms) : siemens
    dgi/dt = -gi/(10*ms) : siemens
    I : amp
    """
    constants = {
        "C": 200 * pF, "gl": 10 * nS, "El": -60 * mV, "Ee": 0 * mV, "Ei": -80 * mV, "we": 2 * nS, "wi": 15 * nS,
    }  # fmt: skip
    group = NeuronGroup(
        20, equations, threshold="v > -50*mV", reset="v = -60*mV", refractory=5 * ms, method="exponential_euler",
        namespace=constants,
    )  # fmt: skip
    group.v = "-60*mV + 0.5*mV*((i*7) % 20)"
    group.I = "(120 + 4*((i*3) % 20))*pA"
    excitatory, inhibitory = group[:16], group[16:]
    to_all = Synapses(excitatory, group, on_pre="ge_post += we", namespace=constants, name="to_all")
    to_all.connect(condition="(3*i + 5*j) % 7 == 0 and i != j")
    to_all.delay = "(0.5 + 0.1*((i + j) % 5))*ms"
    from_inhibitory = Synapses(inhibitory, group, on_pre="gi_post += wi", namespace=constants, name="from_inhibitory")
    from_inhibitory.connect(condition="(i + j) % 3 == 0")
    from_inhibitory.delay = 1.2 * ms
    trace, spikes = StateMonitor(group, ["v", "ge", "gi"], record=[0, 7, 18]), SpikeMonitor(group)
    excitatory_spikes, inhibitory_spikes = SpikeMonitor(excitatory), SpikeMonitor(inhibitory)
    objects = [group, to_all, from_inhibitory, trace, spikes, excitatory_spikes, inhibitory_spikes]
    simulate(100 * ms, objects, {"pA": pA})
    recording = Recording()
    recording.state("state", trace, ["v", "ge", "gi"], every=10)
    recording.spikes("spikes", spikes)
    recording.spikes("exc", excitatory_spikes)
    recording.spikes("inh", inhibitory_spikes, first=16)
    return recording


def network_izhikevich() -> Recording:
    """Eight Izhikevich neurons of four kinds in a ring with alternating weights."""
    equations = """
    dv/dt = (0.04*v**2 + 5*v + 140 - u + I)/ms : 1
    du/dt = a*(b*v - u)/ms : 1
    I : 1
    a : 1
    b : 1
    c : 1
    d : 1
    """
    group = NeuronGroup(8, equations, threshold="v >= 30", reset="v = c; u += d", method="euler")
    group.a, group.b = [0.02, 0.02, 0.1, 0.02] * 2, [0.2, 0.2, 0.2, 0.25] * 2
    group.c, group.d = [-65, -50, -65, -65] * 2, [8, 2, 2, 2] * 2
    group.I = "8 + i"
    group.v = -65
    group.u = "b*v"
    ring = Synapses(group, group, "w : 1", on_pre="v_post += w", delay=2 * ms)
    ring.connect(j="(i + 1) % N_post")
    ring.w = "5 - 8*(i % 2)"
    trace, spikes = StateMonitor(group, ["v", "u"], record=True), SpikeMonitor(group)
    simulate(100 * ms, [group, ring, trace, spikes])
    recording = Recording()
    recording.state("state", trace, ["v", "u"], every=20)
    recording.spikes("spikes", spikes)
    return recording


CASES = (network_conductances, network_izhikevich)

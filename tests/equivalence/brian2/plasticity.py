"""Cases with event-driven and clock-driven synaptic equations."""

from __future__ import annotations

from brian2 import Hz, NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, StateMonitor, Synapses, ms, second
from recording import Recording, simulate

PRE_SPIKES = (
    [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 0],
    [2, 3.1, 4.7, 11, 11, 17.3, 23.9, 24, 30, 38.8, 40, 55, 61, 62],
)
POST_SPIKES = ([0, 1, 0, 1, 0, 1, 0, 1, 0, 1], [2.5, 3.1, 9, 14.2, 24, 29.9, 41.3, 41.4, 60, 62.2])


def plasticity_tsodyks_markram() -> Recording:
    """Short-term facilitation and depression, event-driven, with a delay for each synapse."""
    source = SpikeGeneratorGroup(3, PRE_SPIKES[0], PRE_SPIKES[1] * ms)
    target = NeuronGroup(1, "dv/dt = -v/(10*ms) : 1", method="exact")
    synapses = Synapses(
        source,
        target,
        """
        du_s/dt = -omega_f*u_s : 1 (event-driven)
        dx_s/dt = omega_d*(1 - x_s) : 1 (event-driven)
        U : 1
        released : 1
        """,
        on_pre="""
        u_s += U*(1 - u_s)
        released = u_s*x_s
        x_s -= released
        v_post += released
        """,
        method="exact",
    )
    synapses.connect()
    synapses.x_s, synapses.U = 1, "0.2 + 0.15*i"
    synapses.u_s = 0.1
    synapses.delay = "0.4*i*ms"
    trace = StateMonitor(synapses, ["u_s", "x_s", "released"], record=True)
    states = StateMonitor(target, "v", record=True)
    constants = {"omega_f": 30 / second, "omega_d": 8 / second}
    simulate(70 * ms, [source, target, synapses, trace, states], constants)
    recording = Recording()
    recording.state("synapses", trace, ["u_s", "x_s", "released"], every=4)
    recording.state("v", states, ["v"], every=2)
    return recording


def _stdp(kind: str) -> Recording:
    source = SpikeGeneratorGroup(3, PRE_SPIKES[0], PRE_SPIKES[1] * ms)
    target = SpikeGeneratorGroup(2, POST_SPIKES[0], POST_SPIKES[1] * ms)
    synapses = Synapses(
        source,
        target,
        f"""
        w : 1
        dapre/dt = -apre/(15*ms) : 1 ({kind})
        dapost/dt = -apost/(25*ms) : 1 ({kind})
        """,
        on_pre="apre += 0.1; w = clip(w + apost, 0, 1)",
        on_post="apost -= 0.12; w = clip(w + apre, 0, 1)",
        method="exact",
    )
    synapses.connect()
    synapses.w, synapses.apre = "0.3 + 0.1*i + 0.05*j", 0.2
    synapses.delay = "0.5*(i + j)*ms"
    trace = StateMonitor(synapses, ["w", "apre", "apost"], record=True)
    simulate(70 * ms, [source, target, synapses, trace])
    recording = Recording()
    recording.state("synapses", trace, ["w", "apre", "apost"], every=5)
    return recording


def plasticity_stdp_event_driven() -> Recording:
    """Six synapses under two fixed trains, traces at events; monitors see the stored values."""
    return _stdp("event-driven")


def plasticity_stdp_clock_driven() -> Recording:
    """The same integrated at each step: the same weights at every spike."""
    return _stdp("clock-driven")


def plasticity_mixed_equations() -> Recording:
    """One synapse object with an event-driven and a clock-driven equation, per-synapse time constants, and neurons."""
    group = NeuronGroup(
        4, "dv/dt = (1.2 + 0.1*i - v + g)/(8*ms) : 1\ndg/dt = -g/(3*ms) : 1", threshold="v > 1", reset="v = 0",
        refractory=1 * ms, method="exact",
    )  # fmt: skip
    synapses = Synapses(
        group,
        group,
        """
        drecent/dt = -recent/tau_s : 1 (event-driven)
        dcalcium/dt = (0.2 - calcium)/(12*ms) : 1 (clock-driven)
        w : 1
        tau_s : second
        """,
        on_pre="g_post += w; recent += 1; calcium += 0.3",
        on_post="w = clip(w + 0.02*recent - 0.01*calcium, 0, 0.5)",
        method="exact",
        delay=0.8 * ms,
    )
    synapses.connect(condition="i != j")
    synapses.w, synapses.tau_s = 0.1, "(5 + 2*i)*ms"
    trace, weights = (
        StateMonitor(group, ["v", "g"], record=True),
        StateMonitor(synapses, ["w", "recent", "calcium"], record=True),
    )
    spikes = SpikeMonitor(group)
    simulate(80 * ms, [group, synapses, trace, weights, spikes], {"Hz": Hz})
    recording = Recording()
    recording.state("state", trace, ["v", "g"], every=8)
    recording.state("synapses", weights, ["w", "recent", "calcium"], every=20)
    recording.spikes("spikes", spikes)
    return recording


CASES = (
    plasticity_tsodyks_markram,
    plasticity_stdp_event_driven,
    plasticity_stdp_clock_driven,
    plasticity_mixed_equations,
)

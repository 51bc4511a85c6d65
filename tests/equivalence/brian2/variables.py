"""Cases that pin the kinds of variables and when each is computed."""

from __future__ import annotations

from brian2 import Hz, NeuronGroup, SpikeMonitor, StateMonitor, Synapses, ms
from recording import Recording, simulate


def variables_summed_gap_junctions() -> Recording:
    """Gap junctions: the sum is taken from values before any integration of the step, and is 0 without synapses."""
    equations = """
    dv/dt = (drive - v + gap)/tau : 1
    drive : 1
    gap : 1
    """
    group = NeuronGroup(6, equations, threshold="v > 1", reset="v = 0", method="euler")
    group.drive, group.v = "0.7 + 0.15*i", "0.1*i"
    group.gap = 5
    synapses = Synapses(group, group, "w : 1\ngap_post = w*(v_pre - v_post) : 1 (summed)")
    synapses.connect(condition="i != j and i < 5 and j < 5")
    synapses.w = "0.05 + 0.01*i"
    trace, spikes = StateMonitor(group, ["v", "gap"], record=True), SpikeMonitor(group)
    simulate(50 * ms, [group, synapses, trace, spikes], {"tau": 10 * ms})
    recording = Recording()
    recording.state("state", trace, ["v", "gap"], every=5)
    recording.spikes("spikes", spikes)
    return recording


def variables_summed_synaptic_state() -> Recording:
    """NMDA-like synapses: nonlinear synaptic equations, summed into the target, reading the source's trace.

    Brian2 orders the integration of groups and synapses by their names; these names put the synapses first, so that
    synapses and groups both read start-of-step values of each other. With default names a synapse would read the
    values of its neurons after their integration.
    """
    equations = """
    dv/dt = (drive - v + s_total)/tau : 1
    dx/dt = -x/(2*ms) : 1
    drive : 1
    s_total : 1
    """
    group = NeuronGroup(4, equations, threshold="v > 1", reset="v = 0; x += 1", method="rk2", name="b_group")
    group.drive = "1.1 + 0.1*i"
    synapses = Synapses(
        group,
        group,
        """
        ds/dt = -s/(20*ms) + 0.5*x_pre*(1 - s)/ms - 0.02*v_post/ms : 1 (clock-driven)
        w : 1
        s_total_post = w*s : 1 (summed)
        """,
        method="rk2",
        name="a_synapses",
    )
    synapses.connect(j="k for k in range(i+1, i+3)", skip_if_invalid=True)
    synapses.w = "0.1*(1 + j)"
    trace, spikes = StateMonitor(group, ["v", "x", "s_total"], record=True), SpikeMonitor(group)
    synaptic = StateMonitor(synapses, "s", record=True)
    simulate(50 * ms, [group, synapses, trace, spikes, synaptic], {"tau": 10 * ms})
    recording = Recording()
    recording.state("state", trace, ["v", "x", "s_total"], every=5)
    recording.state("s", synaptic, ["s"], every=5)
    recording.spikes("spikes", spikes)
    return recording


def variables_subexpressions() -> Recording:
    """Chained subexpressions, not stored; `constant over dt` is held over the stages of a step."""
    equations = """
    dv/dt = (total - v)/tau : 1
    total = drive + wave + held : 1
    drive = 0.5 + 0.2*i : 1
    wave = 0.4*sin(2*pi*100*Hz*t) : 1
    held = 0.5*cos(2*pi*120*Hz*t) + 0.1*v : 1 (constant over dt)
    """
    group = NeuronGroup(3, equations, threshold="v > 0.8", reset="v = 0", method="rk4")
    trace, spikes = StateMonitor(group, ["v", "total", "held"], record=True), SpikeMonitor(group, ["total"])
    simulate(50 * ms, [group, trace, spikes], {"tau": 6 * ms, "Hz": Hz})
    recording = Recording()
    recording.state("state", trace, ["v", "total", "held"], every=4)
    recording.spikes("spikes", spikes, ["total"])
    return recording


def variables_types() -> Recording:
    """Boolean, integer and shared parameters in equations, thresholds, resets and operations."""
    equations = """
    dv/dt = (gain*drive*int(awake) - v)/tau : 1
    drive : 1 (constant)
    gain : 1 (shared)
    awake : boolean
    fired : integer
    level : integer (constant)
    """
    group = NeuronGroup(
        5, equations, threshold="v > 0.5 + 0.1*level and awake", reset="v = 0; fired += 1", method="euler"
    )
    group.drive, group.gain = "1 + 0.2*i", 1
    group.awake, group.level = "i != 2", "i % 3"
    group.run_regularly("gain = 1 + 0.5*int(t > 11*ms)", dt=4 * ms)
    group.run_regularly("awake = (i + t_in_timesteps) % 4 != 0 or fired < 2", dt=2.5 * ms)
    trace, spikes = StateMonitor(group, ["v", "awake", "fired"], record=True), SpikeMonitor(group, ["fired"])
    gain = StateMonitor(group, "gain", record=True)
    simulate(40 * ms, [group, trace, spikes, gain], {"tau": 6 * ms})
    recording = Recording()
    recording.state("state", trace, ["v", "awake", "fired"], every=4)
    recording.state("gain", gain, ["gain"], every=10)
    recording.spikes("spikes", spikes, ["fired"])
    return recording


def variables_initial_values() -> Recording:
    """Initial values in the order written: later ones see earlier ones, conditions choose."""
    group = NeuronGroup(6, "dv/dt = (a + b - v)/(5*ms) : 1\na : 1\nb : 1", method="exact")
    group.a = "1 + i"
    group.b = "2*a"
    group.v = "a*b"
    group.v["i % 2 == 0"] = "v - 10"
    group.v["v > 40"] = 0.5
    trace = StateMonitor(group, ["v", "a", "b"], record=True)
    simulate(5 * ms, [group, trace])
    recording = Recording()
    recording.state("state", trace, ["v", "a", "b"], every=5)
    return recording


def variables_reset_temporaries() -> Recording:
    """Several statements in a reset, some to names of their own, `;` and lines mixed."""
    reset = """
    half = 0.5*v
    v = half - 0.4; u += half*2  # the temporary keeps its value
    last = u - v
    """
    group = NeuronGroup(
        3, "dv/dt = (1.4 + 0.2*i - v + 0.1*u)/tau : 1\ndu/dt = -u/(3*tau) : 1\nlast : 1",
        threshold="v > 1", reset=reset, method="heun",
    )  # fmt: skip
    trace, spikes = StateMonitor(group, ["v", "u", "last"], record=True), SpikeMonitor(group, ["u", "last"])
    simulate(40 * ms, [group, trace, spikes], {"tau": 6 * ms})
    recording = Recording()
    recording.state("state", trace, ["v", "u", "last"], every=4)
    recording.spikes("spikes", spikes, ["u", "last"])
    return recording


CASES = (
    variables_summed_gap_junctions,
    variables_summed_synaptic_state,
    variables_subexpressions,
    variables_types,
    variables_initial_values,
    variables_reset_temporaries,
)

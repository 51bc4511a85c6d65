"""Cases that pin when operations and monitors act within a step."""

from __future__ import annotations

from brian2 import Hz, NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, StateMonitor, Synapses, TimedArray, ms
from recording import Recording, simulate

SLOTS = ("start", "groups", "thresholds", "synapses", "resets", "end")


def scheduling_slots() -> Recording:
    """An operation before and after the objects of each slot, and state monitors that sample in each."""
    equations = """
    dv/dt = (1.4 + 0.2*i - v)/tau : 1 (unless refractory)
    x : 1
    n : 1
    """
    group = NeuronGroup(
        3, equations, threshold="v + 0.01*x > 1", reset="v = 0.1; n += 1", refractory=0.5 * ms, method="euler"
    )
    synapses = Synapses(group, group, "w : 1", on_pre="x_post += 1; w += 0.5", on_post="w *= 0.9", delay=0.2 * ms)
    synapses.connect(condition="i != j")
    for k, slot in enumerate(SLOTS):
        every = (0.3 + 0.1 * k) * ms
        group.run_regularly(f"v = v + 0.0{k + 1}*(x + 1); x = 0.9*x + 0.{k + 1}*v", dt=every, when=slot, order=-2)
        group.run_regularly(f"v = v*1.0{k + 1}; x = x - 0.0{k + 1}*n", dt=every, when=slot, order=2)
    synapses.run_regularly("w = 0.8*w + v_post", dt=0.4 * ms, when="synapses", order=0)
    synapses.run_regularly("x_post += 0.01*w", dt=0.6 * ms, when="thresholds", order=-3)
    samples = {slot: StateMonitor(group, ["v", "x", "n"], record=True, when=slot, order=1) for slot in SLOTS}
    late = StateMonitor(group, ["v", "not_refractory"], record=True, when="groups", order=3)
    weights = {slot: StateMonitor(synapses, "w", record=True, when=slot, order=3) for slot in ("groups", "synapses")}
    spikes = SpikeMonitor(group, ["v", "x"])
    monitors = [*samples.values(), *weights.values(), late, spikes]
    simulate(8 * ms, [group, synapses, *monitors], {"tau": 2 * ms})
    recording = Recording()
    for slot, monitor in samples.items():
        recording.state(slot, monitor, ["v", "x", "n"])
    recording.state("late", late, ["v", "not_refractory"])
    for slot, monitor in weights.items():
        recording.state(f"weights_{slot}", monitor, ["w"])
    recording.spikes("spikes", spikes, ["v", "x"])
    return recording


def scheduling_clocks() -> Recording:
    """Groups with time steps of their own: what counts in steps counts in theirs."""
    fast = NeuronGroup(
        4, "dv/dt = (1.2 + 0.1*i - v)/tau : 1\nx : 1", threshold="v > 1", reset="v = 0; x += 1", method="exact"
    )
    equations = """
    dv/dt = (0.8 + g + 0.1*held + 0.3*total + 0.2*f(t) - v)/tau : 1 (unless refractory)
    dg/dt = -g/(2*ms) : 1
    total : 1
    held = g + 0.1*t_in_timesteps + dt/ms : 1 (constant over dt)
    now = v + dt/ms : 1
    """
    slow = NeuronGroup(
        3, equations, threshold="v > 0.9", reset="v = 0.1*rate*dt", refractory=1.2 * ms, method="rk2", dt=0.5 * ms
    )
    third = NeuronGroup(2, "v : 1\nn : 1", threshold="v > 1.5", reset="v -= 1; n += dt/ms", dt=0.3 * ms)
    source = SpikeGeneratorGroup(2, [0, 1, 0, 1], [0.4, 1.0, 2.35, 4.1] * ms, period=6 * ms, dt=0.3 * ms)
    forth = Synapses(
        fast,
        slow,
        "dy/dt = -y/(3*ms) : 1 (clock-driven)\nw : 1\ntotal_post = y : 1 (summed)",
        on_pre="g_post += 0.2; y += 0.5",
        on_post="w += 0.1*v_pre",
        method="exact",
    )
    forth.connect()
    forth.pre.delay = "0.3*ms + 0.1*ms*i"
    forth.post.delay = 0.7 * ms
    back = Synapses(slow, fast, on_pre="v_post -= 0.15")
    back.connect()
    back.delay = "0.2*ms + 0.4*ms*j"
    feed = Synapses(source, third, on_pre="v_post += 0.8", delay=0.4 * ms)
    feed.connect()
    slow.run_regularly("v = v + 0.05", dt=0.7 * ms, when="resets")
    trace = StateMonitor(slow, ["v", "g", "held", "total", "now"], record=True)
    end = StateMonitor(slow, ["v", "held"], record=True, when="end", dt=0.2 * ms)
    thirds = StateMonitor(third, ["v", "n"], record=True)
    fasts = StateMonitor(fast, ["v", "x"], record=True)
    weights = StateMonitor(forth, ["y", "w"], record=True, dt=0.1 * ms)
    spikes = {"fast": fast, "slow": slow, "third": third, "source": source}
    monitors = {name: SpikeMonitor(group) for name, group in spikes.items()}
    objects = [fast, slow, third, source, forth, back, feed, trace, end, thirds, fasts, weights, *monitors.values()]
    constants = {"tau": 4 * ms, "rate": 300 * Hz, "f": TimedArray([0, 1, 2, 0.5], dt=3 * ms)}
    simulate(15 * ms, objects, constants)
    recording = Recording()
    recording.state("trace", trace, ["v", "g", "held", "total", "now"])
    recording.state("end", end, ["v", "held"])
    recording.state("thirds", thirds, ["v", "n"])
    recording.state("fasts", fasts, ["v", "x"])
    recording.state("weights", weights, ["y", "w"], every=3)
    for name, monitor in monitors.items():
        recording.spikes(name, monitor)
    return recording


CASES = [scheduling_slots, scheduling_clocks]

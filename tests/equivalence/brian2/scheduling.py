"""Cases that pin when operations and monitors act within a step."""

from __future__ import annotations

from brian2 import NeuronGroup, SpikeMonitor, StateMonitor, Synapses, ms
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


CASES = [scheduling_slots]

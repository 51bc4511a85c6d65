"""Cases that pin when and in which order spikes act."""

from __future__ import annotations

import numpy as np
from brian2 import NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, StateMonitor, Synapses, ms
from recording import Recording, simulate


def delivery_zero_delay() -> Recording:
    """Without delay a spike acts in its own step, before the source resets; its target fires in the next step."""
    group = NeuronGroup(4, "dv/dt = (drive - v)/tau : 1\ndrive : 1", threshold="v > 1", reset="v = 0", method="euler")
    group.drive = [1.5, 0, 0, 0]
    target = NeuronGroup(2, "seen : 1\ncount : 1")
    chain = Synapses(group, group, on_pre="v_post += 1.2", name="chain")
    chain.connect(i=[0, 1, 2, 3], j=[1, 2, 3, 3])
    witness = Synapses(group, target, on_pre="seen_post = v_pre; count_post += 1", name="witness")
    witness.connect(i=[0, 3], j=[0, 1])
    trace, seen = StateMonitor(group, "v", record=True), StateMonitor(target, ["seen", "count"], record=True)
    spikes = SpikeMonitor(group, ["v"])
    simulate(30 * ms, [group, target, chain, witness, trace, seen, spikes], {"tau": 5 * ms})
    recording = Recording()
    recording.state("v", trace, ["v"])
    recording.state("witness", seen, ["seen", "count"])
    recording.spikes("spikes", spikes, ["v"])
    return recording


def delivery_delay_rounding() -> Recording:
    """`int(delay/dt + 0.5)` for delays between the steps, different for each synapse."""
    delays = np.array([0, 0.04, 0.05, 0.06, 0.1, 0.149, 0.151, 0.2, 0.25, 0.26, 0.749, 1.0, 3.33, 7.77])
    source = SpikeGeneratorGroup(2, [0, 1, 0, 0], [1, 1, 3.3, 3.4] * ms)
    target = NeuronGroup(delays.size, "x : 1")
    synapses = Synapses(source, target, "w : 1", on_pre="x_post += w")
    synapses.connect()
    synapses.w = "1 + 9*i"
    synapses.delay = np.concatenate([delays, delays[::-1]]) * ms
    trace = StateMonitor(target, "x", record=True)
    simulate(15 * ms, [source, target, synapses, trace])
    recording = Recording()
    recording.state("x", trace, ["x"])
    return recording


def delivery_pre_before_post() -> Recording:
    """Source and target spike in one step: `on_pre` acts before `on_post`."""
    source = SpikeGeneratorGroup(2, [0, 1, 0, 0, 1], [1, 2, 3, 5, 5] * ms)
    target = SpikeGeneratorGroup(2, [0, 1, 0, 1, 0], [1, 2.5, 3, 4, 5] * ms)
    synapses = Synapses(source, target, "w : 1", on_pre="w = 2*w", on_post="w = w + 1")
    synapses.connect()
    synapses.w = "1 + i + 0.25*j"
    trace = StateMonitor(synapses, "w", record=True)
    simulate(7 * ms, [source, target, synapses, trace])
    recording = Recording()
    recording.state("w", trace, ["w"])
    return recording


def delivery_named_pathways() -> Recording:
    """Two named pathways of the source and one of the target, each with its own delay and order."""
    source = SpikeGeneratorGroup(2, [0, 1, 0, 0], [1, 2, 3, 3.5] * ms)
    target = NeuronGroup(2, "dx/dt = (1.2 + 0.3*i - x)/(5*ms) : 1", threshold="x > 1", reset="x = 0", method="exact")
    synapses = Synapses(
        source,
        target,
        "w : 1",
        on_pre={"first": "w = w + 1", "second": "w = 2*w; x_post += 0.05*w"},
        on_post={"back": "w = w - 0.5"},
        delay={"second": 1 * ms, "back": 0.7 * ms},
    )
    synapses.connect()
    synapses.w = 0.1
    # Delays of a pathway can be set afterwards too; `second` runs before `first` within a step.
    synapses.first.delay = "0.5*ms*(i + j)"
    synapses.second.order = -2
    trace, states = StateMonitor(synapses, "w", record=True), StateMonitor(target, "x", record=True)
    spikes = SpikeMonitor(target)
    simulate(20 * ms, [source, target, synapses, trace, states, spikes])
    recording = Recording()
    recording.state("w", trace, ["w"])
    recording.state("x", states, ["x"], every=4)
    recording.spikes("spikes", spikes)
    return recording


def delivery_top_level_delay() -> Recording:
    """A top-level delay delays `on_pre`; `on_post` stays without."""
    source = SpikeGeneratorGroup(1, [0, 0], [1, 4] * ms)
    target = SpikeGeneratorGroup(1, [0, 0, 0], [2, 3, 4.4] * ms)
    synapses = Synapses(source, target, "w : 1", on_pre="w = 2*w + 1", on_post="w = 3*w + 0.5", delay=1 * ms)
    synapses.connect()
    trace = StateMonitor(synapses, "w", record=True)
    simulate(7 * ms, [source, target, synapses, trace])
    recording = Recording()
    recording.state("w", trace, ["w"])
    return recording


def delivery_order_of_one_step() -> Recording:
    """Statements that do not commute, many sources in one step: by source, then by creation; earlier spikes first."""
    source = SpikeGeneratorGroup(4, [3, 1, 0, 2, 0, 3, 2], [1, 1, 1, 2, 2, 3, 2.5] * ms)
    target = NeuronGroup(2, "x : 1\ny : 1")
    plain = Synapses(source, target, "w : 1", on_pre="x_post = 0.5*x_post + w", name="plain")
    plain.connect(i=[2, 0, 3, 1, 0, 2, 3], j=[0, 0, 0, 0, 1, 1, 1])
    plain.w = [1, 2, 3, 4, 5, 6, 7]
    delayed = Synapses(source, target, "w : 1", on_pre="y_post = 0.5*y_post + w", name="delayed")
    delayed.connect(i=[3, 2, 1, 0, 0, 0], j=[0, 0, 0, 0, 0, 1])
    delayed.w = [1, 2, 3, 4, 5, 6]
    delayed.delay = [0.5, 1.5, 2.5, 2.5, 1.5, 0] * ms
    trace = StateMonitor(target, ["x", "y"], record=True)
    simulate(6 * ms, [source, target, plain, delayed, trace])
    recording = Recording()
    recording.state("state", trace, ["x", "y"])
    return recording


CASES = (
    delivery_zero_delay,
    delivery_delay_rounding,
    delivery_pre_before_post,
    delivery_named_pathways,
    delivery_top_level_delay,
    delivery_order_of_one_step,
)

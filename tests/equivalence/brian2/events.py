"""Cases of custom events: when they happen, what their statements may write, and pathways that follow them."""

from __future__ import annotations

from brian2 import EventMonitor, NeuronGroup, SpikeMonitor, StateMonitor, Synapses, ms
from recording import Recording, simulate


def events_of_neurons() -> Recording:
    """Events of refractory neurons, statements that write what is `unless refractory`, and events beside spikes."""
    group = NeuronGroup(
        4,
        "dv/dt = (drive - v)/tau : 1 (unless refractory)\ndrive : 1\nx : 1\ny : 1",
        threshold="v > 1",
        reset="v = 0; x = 0",
        refractory="(1 + i)*ms",
        events={"high": "v > 0.6", "silent": "not not_refractory"},
        method="exact",
    )
    group.drive = "1.2 + 0.3*i"
    group.run_on_event("high", "x += v")
    group.run_on_event("silent", "v += 0.015625; y += x")
    trace = StateMonitor(group, ["v", "x", "y"], record=True)
    spikes = SpikeMonitor(group, ["v", "x"])
    high = EventMonitor(group, "high", variables=["v", "x"])
    silent = EventMonitor(group, "silent", variables=["v", "y"])
    simulate(30 * ms, [group, trace, spikes, high, silent], {"tau": 6 * ms})
    recording = Recording()
    recording.state("state", trace, ["v", "x", "y"], every=3)
    recording.spikes("spikes", spikes, ["v", "x"])
    recording.spikes("high", high, ["v", "x"])
    recording.spikes("silent", silent, ["v", "y"])
    return recording


def events_of_pathways() -> Recording:
    """Pathways on custom events of the source, of a part of it, and of the target, with delays and without."""
    source = NeuronGroup(
        6,
        "dv/dt = (drive - v)/tau : 1\ndrive : 1",
        threshold="v > 0.9",
        reset="v = 0",
        events={"early": "v > 0.3 and v < 0.35", "late": "v > 0.8 and v < 0.82"},
        method="exact",
    )
    source.drive = "1.1 + 0.2*i"
    target = NeuronGroup(
        3, "dg/dt = -g/tau : 1\nh : 1", threshold="g > 1", reset="g = 0", events={"low": "g < 0.05"}, method="exact"
    )
    target.run_on_event("low", "h += 1")
    direct = Synapses(source[1:4], target, on_pre="g_post = 0.9*g_post + 0.1", on_event={"pre": "early"})
    direct.connect()
    direct.pre.order = -2  # otherwise names decide
    learning = Synapses(
        source,
        target,
        "w : 1",
        on_pre={"arrive": "g_post += 0.02*w", "count": "w += 0.25"},
        on_post="w = 0.5*w + 0.01*v_pre",
        on_event={"arrive": "spike", "count": "late", "post": "low"},
        delay={"arrive": 0.7 * ms},
    )
    learning.connect(condition="i != j")
    learning.w = "0.5 + 0.1*i"
    learning.count.delay = "0.1*(i + 2*j)*ms"
    learning.post.delay = "0.3*ms"
    trace = StateMonitor(target, ["g", "h"], record=True)
    weights = StateMonitor(learning, "w", record=True)
    early, low = EventMonitor(source, "early", variables="v"), EventMonitor(target, "low", variables=["g", "h"])
    spikes = SpikeMonitor(target)
    simulate(40 * ms, [source, target, direct, learning, trace, weights, early, low, spikes], {"tau": 5 * ms})
    recording = Recording()
    recording.state("state", trace, ["g", "h"], every=3)
    recording.state("weights", weights, ["w"], every=10)
    recording.spikes("early", early, ["v"])
    recording.spikes("low", low, ["g", "h"])
    recording.spikes("spikes", spikes)
    return recording


CASES = (events_of_neurons, events_of_pathways)

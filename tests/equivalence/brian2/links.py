"""Cases that pin what linked variables hold when they are read."""

from __future__ import annotations

from brian2 import NeuronGroup, SpikeMonitor, StateMonitor, linked_var, ms
from recording import Recording, simulate


def links_between_groups() -> Recording:
    """A group that reads another: neuron by neuron, by index, the only neuron of a group, and a shared variable.

    Brian2 orders the integration of groups by their names; with these names a group is integrated before those that it
    reads, so that it reads start-of-step values. Thresholds and resets read what is there when they act.
    """
    source = NeuronGroup(
        4,
        "dv/dt = (drive - v)/tau : 1\ndrive : 1\ns : 1 (shared)\ntwice = 2*v : 1",
        threshold="v > 1",
        reset="v = 0",
        method="euler",
        name="c_source",
    )
    source.drive, source.v, source.s = "0.8 + 0.2*i", "0.1*i", 0.3
    single = NeuronGroup(1, "dx/dt = -x/(30*ms) : 1", method="euler", name="b_single")
    single.x = 1
    reader = NeuronGroup(
        4,
        """
        du/dt = (I + 0.5*J + K + S - u)/tau : 1
        I : 1 (linked)
        J : 1 (linked)
        K : 1 (linked)
        S : 1 (linked)
        """,
        threshold="u > 1 and I > 0.2",
        reset="u = 0.1*J",
        method="euler",
        name="a_reader",
    )
    reader.I = linked_var(source, "v")
    reader.J = linked_var(source, "twice", index=[3, 0, 0, 2])
    reader.K = linked_var(single, "x")
    reader.S = linked_var(source, "s")
    reader.u = "0.5*J"
    source.run_regularly("s = 0.3 - s", dt=7 * ms)
    trace = StateMonitor(reader, ["u", "I", "J", "K", "S"], record=True)
    spikes, of_source = SpikeMonitor(reader), SpikeMonitor(source)
    simulate(60 * ms, [source, single, reader, trace, spikes, of_source], {"tau": 10 * ms})
    recording = Recording()
    recording.state("state", trace, ["u", "I", "J", "K", "S"], every=3)
    recording.spikes("spikes", spikes)
    recording.spikes("of_source", of_source)
    return recording


CASES = (links_between_groups,)

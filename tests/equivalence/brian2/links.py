"""Cases that pin what linked variables hold when they are read."""

from __future__ import annotations

from brian2 import NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, StateMonitor, Synapses, linked_var, ms
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


def links_synapses_onto_synapses() -> Recording:
    """Neuromodulation: spikes change weights of other synapses; a domain sums the activity of synapses and gates them.

    With these names synapses integrate before groups, and the gates before the synapses that they read; so all read
    start-of-step values.
    """
    source = SpikeGeneratorGroup(3, [0, 1, 2, 0, 1, 2, 0], [1, 3, 5, 9, 12, 13, 20] * ms)
    modulator = SpikeGeneratorGroup(2, [0, 1, 0], [4, 8, 15] * ms)
    target = NeuronGroup(2, "dv/dt = -v/tau : 1\nload : 1", method="euler", name="z_target")
    synapses = Synapses(
        source,
        target,
        "w : 1\ndh/dt = (gate - h)/tau : 1 (clock-driven)\ngate : 1\ninput : 1",
        on_pre="v_post += w*h; input = 1",
        method="euler",
        name="c_synapses",
    )
    synapses.connect(condition="i != j")
    synapses.w, synapses.h = "0.3 + 0.1*i", 1
    onto = Synapses(modulator, synapses, "k : 1", on_pre="w_post = w_post*k + 0.01*j", name="onto")
    onto.connect(condition="(i + j) % 2 == 0")
    onto.k = "1.5 - 0.1*j"
    gates = Synapses(
        synapses,
        synapses,
        "dx/dt = (h_pre*input_pre - x)/tau : 1 (clock-driven)\ngate_post = 1 + 0.2*x : 1 (summed)",
        method="euler",
        name="a_gates",
    )
    gates.connect(j="k for k in range(i, i + 2)", skip_if_invalid=True)
    loads = Synapses(synapses, target, "load_post = w_pre*h_pre : 1 (summed)", name="b_loads")
    loads.connect(i=[0, 1, 2, 3], j=[0, 1, 1, 0])
    traces = [
        ("weights", StateMonitor(synapses, ["w", "h", "gate"], record=True), ["w", "h", "gate"]),
        ("state", StateMonitor(target, ["v", "load"], record=True), ["v", "load"]),
        ("inner", StateMonitor(gates, ["x"], record=True), ["x"]),
    ]
    objects = [source, modulator, target, synapses, onto, gates, loads, *(trace for _, trace, _ in traces)]
    simulate(30 * ms, objects, {"tau": 10 * ms})
    recording = Recording()
    for name, trace, variables in traces:
        recording.state(name, trace, variables, every=3)
    return recording


def links_of_synapses() -> Recording:
    """Synapses that read a group by index, and that count the synapses of their pair for weights and delays."""
    source = SpikeGeneratorGroup(3, [0, 1, 2, 0, 1, 2, 0], [1, 3, 5, 9, 12, 13, 20] * ms)
    field = NeuronGroup(2, "dc/dt = (0.2 - c)/tau : 1", method="euler", name="z_field")
    field.c = "1 + i"
    target = NeuronGroup(2, "dv/dt = -v/tau : 1", method="euler", name="y_target")
    synapses = Synapses(
        source,
        target,
        "w : 1\nwhich : integer\nc : 1 (linked)\ndh/dt = (c - h)/tau : 1 (clock-driven)",
        on_pre="v_post += w*h",
        method="euler",
        multisynaptic_index="synapse_number",
        name="a_synapses",
    )
    synapses.connect(condition="i != j", n="1 + i")
    synapses.c = linked_var(field, "c", index="which")
    synapses.which = [k % 2 for k in range(len(synapses))]
    synapses.w = "0.1*(1 + synapse_number) + 0.01*i"
    synapses.delay = "0.3*ms*synapse_number"
    trace = StateMonitor(target, ["v"], record=True)
    inner = StateMonitor(synapses, ["h", "c", "w"], record=True)
    simulate(30 * ms, [source, field, target, synapses, trace, inner], {"tau": 10 * ms})
    recording = Recording()
    recording.state("state", trace, ["v"], every=3)
    recording.state("inner", inner, ["h", "c", "w"], every=3)
    return recording


CASES = (links_between_groups, links_synapses_onto_synapses, links_of_synapses)

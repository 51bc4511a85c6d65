"""Cases that pin which synapses a rule makes, and in which order."""

from __future__ import annotations

from brian2 import NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, StateMonitor, Synapses, ms
from recording import Recording, simulate


def wiring_rules() -> Recording:
    """Every deterministic rule: pairs in creation order."""
    group, other = NeuronGroup(6, "v : 1"), NeuronGroup(4, "v : 1")
    recording = Recording()

    def keep(name: str, source: NeuronGroup, target: NeuronGroup, *rules: dict[str, object]) -> None:
        synapses = Synapses(source, target)
        for rule in rules:
            synapses.connect(**rule)
        recording.connectivity(name, synapses)

    keep("every_pair", group, other, {})
    keep("one_to_one", group, group, {"j": "i"})
    keep("condition", group, other, {"condition": "(i + 2*j) % 3 == 0"})
    keep("listed", group, other, {"i": [5, 0, 3, 0], "j": [1, 3, 0, 2]})
    keep("broadcast", group, other, {"i": 2, "j": [3, 1]})
    keep("next", group, group, {"j": "i + 1", "skip_if_invalid": True})
    keep("range_with_step", group, other, {"j": "k for k in range(0, N_post, 2)"})
    keep("conditional_range", group, group, {"j": "k for k in range(i) if (i + k) % 2 == 1"})
    keep("several", group, other, {"i": 4, "j": 0}, {"condition": "i == j"}, {"i": [0, 0], "j": [0, 0]})
    return recording


def wiring_multiplicity() -> Recording:
    """Several synapses a pair: those of one pair follow each other."""
    group, other = NeuronGroup(5, "v : 1"), NeuronGroup(4, "v : 1")
    twice, by_expression = Synapses(group, other), Synapses(group, other)
    twice.connect(condition="(i + j) % 2 == 0", n=2)
    by_expression.connect(condition="i > j", n="i - j")
    recording = Recording()
    recording.connectivity("twice", twice)
    recording.connectivity("by_expression", by_expression)
    return recording


def wiring_subgroups() -> Recording:
    """Subgroups as source and target: `i` and `j` count within them; spikes of a subgroup keep the group's ids."""
    group = NeuronGroup(
        10, "dv/dt = (drive - v)/tau : 1\ndrive : 1\nx : 1", threshold="v > 1", reset="v = 0", method="exact"
    )
    group.drive = "1 + 0.1*i"
    source, target = group[4:8], group[1:4]
    synapses = Synapses(source, target, "w : 1", on_pre="x_post += w")
    synapses.connect(condition="i >= j")
    synapses.w = "10*i + j + 1"
    synapses.delay = "0.3*(1 + j)*ms"
    straight = Synapses(group[7:10], group[0:3], on_pre="v_post += 0.05", on_post="x_post -= 1")
    straight.connect(j="i")
    trace, weights = StateMonitor(group, ["v", "x"], record=True), StateMonitor(synapses, "w", record=True)
    spikes, some = SpikeMonitor(group), SpikeMonitor(source)
    simulate(40 * ms, [group, synapses, straight, trace, weights, spikes, some], {"tau": 6 * ms})
    recording = Recording()
    recording.state("state", trace, ["v", "x"], every=8)
    recording.state("w", weights, ["w"], every=400)
    recording.spikes("spikes", spikes)
    recording.spikes("some", some, first=4)
    return recording


def wiring_values_in_creation_order() -> Recording:
    """Lists over synapses follow creation order, rule after rule."""
    source = SpikeGeneratorGroup(3, [0, 1, 2, 0], [1, 2, 3, 4] * ms)
    target = NeuronGroup(3, "x : 1")
    synapses = Synapses(source, target, "w : 1", on_pre="x_post += w")
    synapses.connect(i=[2, 2, 0, 1], j=[0, 0, 1, 1])
    synapses.connect(j="i")
    synapses.w = [1, 2, 4, 8, 16, 32, 64]
    synapses.delay = [0.1, 0.9, 0.5, 0, 0.3, 1.2, 0.7] * ms
    trace = StateMonitor(target, "x", record=True)
    simulate(6 * ms, [source, target, synapses, trace])
    recording = Recording()
    recording.connectivity("pairs", synapses)
    recording.state("x", trace, ["x"])
    return recording


CASES = (wiring_rules, wiring_multiplicity, wiring_subgroups, wiring_values_in_creation_order)

"""The state of a run at its end, and a network that begins with one."""

from __future__ import annotations

from typing import Any

import numpy as np

from snnrun.codegen.arguments import ArrayUse, IntUse
from snnrun.codegen.delivery import added_terms
from snnrun.engine.values import Array, Built, SynapseValues, problem, read_neurons
from snnrun.equations.dag import Variable
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import NEVER, SPIKE, EventSource, Group, IntArray, Pathway, Start, Synapses
from snnrun.model.state import RENEWED, describe_state, is_moment, kept_variables, pairs_hash, spikes_name
from snnrun.units.dimensions import TIME
from snnrun.units.quantities import format_quantity


def begin_group(built: Built, start: Start, group: Group) -> None:
    """Give the variables of a group the values of a state."""
    for stored in group.stored:
        key = (group.path, stored.variable.name)
        if key in start.values or key[1] not in RENEWED:
            built.variable(stored.variable)[...] = start.values[key]


def begin_synapses(start: Start, values: SynapseValues) -> None:
    """Give the variables of synapses the values of a state.

    Raises:
        ExperimentError: FIL204, when they connect other neurons.
    """
    synapses = values.synapses
    if start.wirings.get(synapses.name) != pairs_hash(values.pre, values.post):
        raise problem(
            "FIL204", f"in that run `{synapses.name}` connected other neurons (another seed or rule)", start.span
        )
    for name, array in values.arrays.items():
        if (synapses.path, name) in start.values:
            array[...] = start.values[synapses.path, name]


def begin_spikes(built: Built, start: Start) -> list[str]:
    """Put the spikes of a state on their way, with the delays of this run.

    Returns:
        What a person should know: where delays are so long that the state does not hold all spikes still on their way.
    """
    notes = []
    for source in (source for group in built.network.groups.values() for source in group.sources):
        kept, longest = start.kept.get(source.name, 0), _longest_delay(built, source)
        if longest > kept:
            known = "none" if kept == 0 else f"those of its last {format_quantity(kept * built.network.dt, TIME)}"
            what = f"spikes of `{source.group}`" if source.event == SPIKE else f"`{source.event}` of `{source.group}`"
            notes.append(f"of {what} that are still on their way, that run kept {known}")
        steps, neurons = start.spikes.get(source.name, (_NONE, _NONE))
        recent = steps >= -longest
        _list_spikes(built, source, steps[recent], neurons[recent])
    for synapses in built.network.synapses.values():
        pathway = synapses.sorting
        if pathway is not None and built.numbers.get(IntUse.RING.of(synapses.pathway_path(pathway))):
            steps, neurons = start.spikes.get(synapses.trigger(pathway).name, (_NONE, _NONE))
            for step in np.unique(steps).tolist():
                _add_to_ring(built, synapses, pathway, step, neurons[steps == step])
    return notes


_NONE = np.zeros(0, np.int64)


def _longest_delay(built: Built, source: EventSource) -> int:
    """For how many steps an event can be on its way."""
    return built.numbers[IntUse.DEPTH.of(source.path)] - 2  # a place for this step, and one for the next


def _list_spikes(built: Built, source: EventSource, steps: IntArray, neurons: IntArray) -> None:
    """Fill the lists of an event in steps before the first, as the kernel would have."""
    bounds = built.arrays[ArrayUse.BOUNDS.of(source.group_path)]
    threads, depth, size = len(bounds) - 1, built.numbers[IntUse.DEPTH.of(source.path)], bounds[-1]
    lists, number = (built.arrays[use.of(source.path)] for use in (ArrayUse.SPIKES, ArrayUse.LENGTHS))
    for step in np.unique(steps).tolist():
        slot, spiked = step % depth, neurons[steps == step]
        for part in range(threads):
            mine = spiked[(spiked >= bounds[part]) & (spiked < bounds[part + 1])]
            base = slot * size + bounds[part]
            lists[base : base + len(mine)] = mine
            number[slot * threads + part] = len(mine)


def _add_to_ring(built: Built, synapses: Synapses, pathway: Pathway, step: int, neurons: IntArray) -> None:
    """Add to the sums of the steps to come what spikes of a step before the first bring: in the kernel's order."""
    owner, network = synapses.pathway_path(pathway), built.network
    connectivity = built.connectivity[synapses.name]
    chosen = np.concatenate([np.arange(row[k], row[k + 1]) for k in neurons for row in connectivity.rows] or [_NONE])
    arrival = step + built.arrays[ArrayUse.DELAYS.of(owner)][chosen].astype(np.int64)
    chosen, arrival = chosen[arrival >= 0], arrival[arrival >= 0]
    pre, post = (np.asarray(ends[chosen], np.int64) for ends in (connectivity.pre, connectivity.post))

    def read(variable: Variable) -> Any:
        if variable.owner != synapses.path:
            return read_neurons(built, variable, pre, post)
        values = built.variable(variable)
        return values[0] if variable.shared else values[chosen]

    env = Environment(
        read=read,
        index={"pre": pre, "post": post},
        elements=chosen,
        dt=network.dt,
        seeds=network.seeds,
        arrays=network.arrays,
        precision=network.precision,
    )
    at = (arrival & built.numbers[IntUse.MASK.of(owner)]) * built.numbers[IntUse.N.of(synapses.target.path)] + post
    for variable, term, _ in added_terms(network, synapses, pathway):
        ring = built.arrays[ArrayUse.RING.of(owner, variable.name)]
        np.add.at(ring, at, np.broadcast_to(evaluate(term, env), at.shape).astype(ring.dtype))


def final_state(built: Built, steps: int) -> tuple[dict[str, Array], dict[str, Any]]:
    """All variables as they are after so many steps, and what describes them."""
    network = built.network
    arrays: dict[str, Array] = {}
    for owner, name in kept_variables(network):
        array = built.arrays[ArrayUse.VARIABLE.of(owner, name)]
        section, _, short = owner.partition(".")
        if section == "synapses":
            array = built.connectivity[short].in_creation_order(array)
        arrays[f"{owner}.{name}"] = np.where(array == NEVER, array, array - steps) if is_moment(name) else array
    wirings = {
        name: pairs_hash(w.in_creation_order(w.pre), w.in_creation_order(w.post))
        for name, w in built.connectivity.items()
    }
    sources = {source.name: source for g in network.groups.values() for source in g.sources}
    kept = {name: _longest_delay(built, source) for name, source in sources.items()}
    kept = {name: number for name, number in kept.items() if number}
    for name, number in kept.items():
        when, who = _last_spikes(built, sources[name], steps, number)
        arrays[spikes_name(name, "steps")], arrays[spikes_name(name, "neurons")] = when, who
    return arrays, describe_state(network, steps, wirings, kept)


def _last_spikes(built: Built, source: EventSource, steps: int, number: int) -> tuple[IntArray, IntArray]:
    """When an event happened in the last steps of a run, counted from its end, and to whom."""
    bounds = built.arrays[ArrayUse.BOUNDS.of(source.group_path)]
    threads, depth, size = len(bounds) - 1, built.numbers[IntUse.DEPTH.of(source.path)], bounds[-1]
    lists, lengths = (built.arrays[use.of(source.path)] for use in (ArrayUse.SPIKES, ArrayUse.LENGTHS))
    when, who = [_NONE], [_NONE]
    for ago in range(number, 0, -1):
        slot = (steps - ago) % depth
        for part in range(threads):
            base, length = slot * size + bounds[part], lengths[slot * threads + part]
            when.append(np.full(length, -ago))
            who.append(lists[base : base + length].astype(np.int64))
    return np.concatenate(when), np.concatenate(who)

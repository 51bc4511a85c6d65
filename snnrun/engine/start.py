"""The state of a run at its end, and a network that begins with one."""

from __future__ import annotations

from typing import Any

from snnrun.codegen.emit import SlotKey
from snnrun.engine.values import Array, Built, SynapseValues, problem
from snnrun.network.ir import Group, Start
from snnrun.network.start import MOMENTS, RENEWED, describe_state, kept_variables, pairs_hash


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


def final_state(built: Built, steps: int) -> tuple[dict[str, Array], dict[str, Any]]:
    """All variables as they are after so many steps, and what describes them."""
    network = built.network
    arrays: dict[str, Array] = {}
    for owner, name in kept_variables(network):
        array = built.arrays[SlotKey("variable", owner, name)]
        section, _, short = owner.partition(".")
        if section == "synapses":
            array = built.wirings[short].in_creation_order(array)
        arrays[f"{owner}.{name}"] = array - steps if name in MOMENTS else array
    wirings = {
        name: pairs_hash(w.in_creation_order(w.pre), w.in_creation_order(w.post)) for name, w in built.wirings.items()
    }
    return arrays, describe_state(network, steps, wirings)

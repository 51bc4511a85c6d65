"""The second part of delays, and room for what is on its way along dendrites."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from snnrun.codegen.arguments import ArrayKey, ArrayUse, IntUse
from snnrun.engine.values import Array, Built, SynapseValues
from snnrun.equations.dag import Node
from snnrun.model.evaluate import evaluate, full
from snnrun.model.lists import lists_must_fit
from snnrun.model.network import IntArray, Pathway, Synapses


def dendritic_steps(built: Built, synapses: Synapses, pathway: Pathway, dendritic: Node) -> IntArray:
    """The second part of each delay in steps, in creation order, shape (synapses,)."""
    made = built.connectivity[synapses.name]
    values = SynapseValues(built, built.network, synapses, made)
    values.load()
    lists_must_fit(dendritic, made.size, pathway.span, "the list of delays", "synapses are made")
    steps: IntArray = full(evaluate(dendritic, values.environment()), made.size, np.int64)
    return steps


def make_rings(
    built: Built,
    put: Callable[[ArrayKey, Array], None],
    wanted: Iterable[ArrayKey],
    synapses: Synapses,
    owner: str,
    steps: IntArray,
) -> None:
    """Store the second part of delays, in creation order, and make a sum for each target and step to come.

    Args:
        built: The network in memory.
        put: Keeps an array.
        wanted: The arrays of the kernel.
        synapses: The object, whose connectivity is there.
        owner: The path of the pathway.
        steps: The delays.
    """
    slots = 1 << int(steps.max(initial=0)).bit_length()  # a power of two: the slot of a step is found by a mask
    built.numbers[IntUse.MASK.of(f"{owner}.dendrites")] = slots - 1
    put(ArrayUse.DENDRITES.of(owner), steps[built.connectivity[synapses.name].created].astype(np.int32))
    size = built.network.groups[synapses.target.group].size
    for key in wanted:
        if key.use is ArrayUse.CARRIED and key.owner == owner:
            put(key, np.zeros(slots * size))

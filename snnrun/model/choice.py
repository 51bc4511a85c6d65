"""Which synapses a choice means, once their number is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from snnrun.errors import Diagnostic, ExperimentError
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import IntArray, SynapseChoice


def chosen_synapses(choice: SynapseChoice, size: int, ends: Callable[[], tuple[IntArray, IntArray]]) -> IntArray:
    """Numbers as created of the chosen synapses, shape (n,).

    Args:
        choice: What was asked for.
        size: How many synapses there are.
        ends: Gives the indices i and j of all synapses, each of shape (size,).

    Raises:
        ExperimentError: NET120, there is no such synapse.
    """
    if choice.condition is None:
        return numbered_synapses(choice, size)
    i, j = ends()
    holds = np.broadcast_to(evaluate(choice.condition, Environment(index={"i": i, "j": j})), (size,))
    return _not_empty(choice, size, np.flatnonzero(holds).astype(np.int64))


def numbered_synapses(choice: SynapseChoice, size: int) -> IntArray:
    """The same for a list of numbers or a slice.

    Raises:
        ExperimentError: NET120, there is no such synapse.
    """
    if choice.numbers is not None:
        wrong = choice.numbers[(choice.numbers >= size) | (choice.numbers < -size)]
        if len(wrong):
            raise _problem(choice, f"index {wrong[0]} is outside 0 to {size - 1}")
        return np.where(choice.numbers < 0, choice.numbers + size, choice.numbers)
    assert choice.cut is not None
    if choice.cut.stop is not None and choice.cut.stop > size:
        raise _problem(choice, f"the slice ends at {choice.cut.stop}, but there are only {size} synapses")
    return _not_empty(choice, size, np.array(range(size)[choice.cut], dtype=np.int64))


def _not_empty(choice: SynapseChoice, size: int, found: IntArray) -> IntArray:
    if not len(found):
        raise _problem(choice, f"this chooses none of the {size} synapses")
    return found


def _problem(choice: SynapseChoice, text: str) -> ExperimentError:
    return ExperimentError(Diagnostic("NET120", f"{choice.what}: {text}", choice.span))

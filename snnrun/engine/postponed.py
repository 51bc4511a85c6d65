"""Room for events of targets that wait for the next spike of a source (`codegen/postponed.py`)."""

from __future__ import annotations

import numpy as np

from snnrun.codegen.arguments import ArrayUse, IntUse
from snnrun.engine.allocation import Allocation
from snnrun.model.network import IntArray, Synapses

LEAST, MOST = 8, 128  # events that are kept of a target; powers of two, as they are counted modulo 256


def make_room(allocation: Allocation, synapses: Synapses, rows: IntArray, targets: int) -> None:
    """Make room for events, where a kernel lets them wait.

    Args:
        allocation: Where the synapses are.
        synapses: The object.
        rows: Where the synapses of each source begin, shape (parts, sources + 1).
        targets: Size of the group of targets.
    """
    path, put = synapses.path, allocation.put
    if ArrayUse.SEEN.of(path) not in allocation.types:
        return
    size, room = int(rows[-1, -1]), LEAST
    while room < MOST and 2 * room * targets <= size:  # no more memory than one variable of the synapses
        room *= 2
    allocation.numbers[IntUse.ROOM.of(path)] = room
    put(ArrayUse.EVENTS.of(path), np.zeros(targets * room, np.int64))
    put(ArrayUse.SEEN.of(path), np.zeros(size, np.uint8))
    for use in (ArrayUse.ARRIVED, ArrayUse.SETTLED):
        put(use.of(path), np.zeros(targets, np.uint8))
    longest = int(np.diff(rows, axis=1).max(initial=0))
    for key, type in allocation.types.items():
        if key.use is ArrayUse.LATE and key.owner == path:
            put(key, np.zeros((allocation.network.threads, longest + 1), type.dtype))

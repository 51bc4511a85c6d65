"""Spikes on their way to synapses whose delays change during a run: lists that grow when they are nearly full."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from snnrun.codegen.arguments import RUN, ArrayKey, ArrayUse, IntUse
from snnrun.codegen.moving import moving_pathways, recorded_moving
from snnrun.engine.values import Array, Built

_LISTS = (ArrayUse.ARRIVALS, ArrayUse.WAITING)
_SHORTEST = 1 << 10  # entries


def make_lists(built: Built, put: Callable[[ArrayKey, Array], None], owner: str, synapses: int) -> None:
    """Make the lists of a pathway; three steps in which every synapse gets a spike always fit."""
    room = built.numbers[IntUse.CAPACITY.of(owner)] = max(_SHORTEST, 4 * synapses)
    for use in _LISTS:
        put(use.of(owner), np.zeros(room, np.int64))
    put(ArrayUse.COUNT.of(owner), np.zeros(1, np.int64))
    put(ArrayUse.ROOM.of(owner), np.zeros(2, np.int64))


def lengthen_lists(built: Built) -> bool:
    """Make lists that are nearly full twice as long, and buffers that could not take what may arrive; whether any."""
    longer = False
    for synapses, pathway in moving_pathways(built.network):
        owner = synapses.pathway_path(pathway)
        room, most = IntUse.CAPACITY.of(owner), 3 * built.numbers[IntUse.N.of(synapses.path)]
        if int(built.arrays[ArrayUse.COUNT.of(owner)][0]) + most > built.numbers[room]:
            hold(built, owner, 2 * built.numbers[room])
            longer = True
    for monitor, owner in recorded_moving(built.network):
        path = f"monitors.{monitor.name}"
        waiting = max(int(built.arrays[use.of(owner)].max()) for use in (ArrayUse.COUNT, ArrayUse.ROOM))
        most = waiting + 3 * built.numbers[IntUse.N.of(path)]
        if most > built.numbers[IntUse.CAPACITY.of(path)]:
            for key in [key for key in built.arrays if key.use is ArrayUse.RECORD and key.owner == path]:
                _lengthen(built, key, 2 * most)
            _set_capacity(built, path, 2 * most)
            longer = True
    return longer


def hold(built: Built, owner: str, room: int) -> None:
    """Make the lists of a pathway as long as this, with what they hold."""
    for use in _LISTS:
        _lengthen(built, use.of(owner), room)
    _set_capacity(built, owner, room)


def _lengthen(built: Built, key: ArrayKey, room: int) -> None:
    array = built.arrays[key]
    built.arrays[key] = np.concatenate([array, np.zeros(room - len(array), array.dtype)])


def _set_capacity(built: Built, owner: str, room: int) -> None:
    built.numbers[IntUse.CAPACITY.of(owner)] = room
    sizes = built.arrays[ArrayUse.SIZES.of(RUN)]
    sizes[:, built.kernel.ints.index(IntUse.CAPACITY.of(owner))] = room

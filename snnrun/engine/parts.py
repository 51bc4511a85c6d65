"""Parts of a network that the points of a sweep have in common: built for one point, copied for the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from snnrun.codegen.arguments import ArrayKey, IntKey
from snnrun.connect.connectivity import Connectivity, nodes_in
from snnrun.engine.values import Array, Built, cache_aligned
from snnrun.equations.dag import Node, Parameter, walk
from snnrun.model.network import Group, Initial, IntArray, Network, Synapses, linked_groups

PART_BYTES = 1 << 26
"""Larger parts are built again: that takes less time than the run, and no second copy stays in memory."""
_TABLES = ("arrays", "numbers", "own_numbers", "connectivity")


@dataclass(frozen=True, slots=True)
class BuiltPart:
    """What building a group or a synapses object adds to a network.

    Args:
        arrays: Its arrays as they were before the first step.
        numbers: Whole numbers for kernels.
        own_numbers: The same where they differ between threads.
        connectivity: Synapses by name of their object.
        depths: Steps for which each event is kept, by the path of its source.
    """

    arrays: dict[ArrayKey, Array]
    numbers: dict[IntKey, int]
    own_numbers: dict[IntKey, IntArray]
    connectivity: dict[str, Connectivity]
    depths: dict[str, int]


@dataclass(slots=True)
class BuiltParts:
    """The parts of networks that differ in the values of `Parameter`s only.

    Args:
        bytes: Memory of their arrays.
    """

    bytes: int = 0
    _known: dict[str, BuiltPart | None] = field(default_factory=dict)  # None: too large, or it depends on a `Parameter`

    def knows(self, network: Network) -> bool:
        """Whether all that decides how large a network becomes is known."""
        return all(self._known.get(s.path) for s in network.synapses.values())

    def make(
        self,
        path: str,
        nodes: Callable[[], list[Node]],
        build: Callable[[], None],
        built: Built,
        depths: dict[str, int],
    ) -> None:
        """Build a part, or copy the one that is known.

        Args:
            path: Its place in the file.
            nodes: Gives the graphs that its values are computed from.
            build: Builds it.
            built: The network, to which it is added.
            depths: Steps for which each event is kept, by the path of its source.
        """
        if path in self._known:
            known = self._known[path]
            if known is None:
                build()
            else:
                _put(known, built, depths)
            return
        before = {name: set(getattr(built, name)) for name in _TABLES}
        build()
        added = {name: _without(getattr(built, name), before[name]) for name in _TABLES}
        part = BuiltPart(**added, depths=dict(depths))
        settled = not any(isinstance(n.payload, Parameter) for n in walk(*nodes()))
        size = sum(array.nbytes for array in part.arrays.values())
        is_kept = settled and size <= PART_BYTES
        self._known[path] = _kept(part, built) if is_kept else None
        self.bytes += size if is_kept else 0


def _without(table: dict[Any, Any], keys: set[Any]) -> dict[Any, Any]:
    return {key: value for key, value in table.items() if key not in keys}


def _kept(part: BuiltPart, built: Built) -> BuiltPart:
    """A part with arrays of its own for all that a run changes."""
    arrays = {k: cache_aligned(a.copy()) if built.changes(k) else a for k, a in part.arrays.items()}
    return replace(part, arrays=arrays)


def _put(part: BuiltPart, built: Built, depths: dict[str, int]) -> None:
    built.arrays.update(_kept(part, built).arrays)
    built.numbers.update(part.numbers)
    built.own_numbers.update(part.own_numbers)
    built.connectivity.update(part.connectivity)
    for path, depth in part.depths.items():
        depths[path] = max(depths[path], depth)


def nodes_of_group(group: Group, network: Network) -> list[Node]:
    """What the values of a group's variables are computed from, those of groups included that it is linked to."""
    nodes: list[Node] = []
    for g in linked_groups(group, network):
        nodes += [*_of_lines(g.initial), *(a.value for a in g.precomputed), *(link.index for link in g.links)]
        nodes += [] if g.intervals is None else [g.intervals.first]
    return nodes


def nodes_of_synapses(synapses: Synapses, network: Network) -> list[Node]:
    """What synapses, their delays and the values of their variables are computed from."""
    nodes = _of_lines(synapses.initial)
    for rule in synapses.connect:
        nodes += [*nodes_in(rule.rule), *_of_lines(rule.initial), *([] if rule.delay is None else [rule.delay])]
    nodes += [delay for p in synapses.pathways for delay in (p.delay, p.dendritic) if delay is not None]
    nodes += [link.index for link in synapses.links]
    for view in (synapses.source, synapses.target):
        if view.section == "groups":
            nodes += nodes_of_group(network.groups[view.group], network)  # whose variables they may read
        else:
            nodes += nodes_of_synapses(network.synapses[view.group], network)
    return nodes


def _of_lines(lines: Iterable[Initial]) -> list[Node]:
    return [n for line in lines for n in (line.value, line.where) if n is not None]

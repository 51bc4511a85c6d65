"""What acts in the first part of a run, as a hash: runs with the same hash have the same bits until then."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

import numpy as np

from snnrun.equations.dag import Constant, Graph, Node, Parameter, Reduction
from snnrun.equations.methods.system import System
from snnrun.model.network import ConnectivityMonitor, Network, Window, adds_the_same, as_array
from snnrun.source import Span
from snnrun.units.dimensions import Dimension


def common_part(network: Network, phase: int) -> str:
    """The hash of everything that acts until the end of a phase, whatever comes after it."""
    steps = network.phases[phase].stop
    digest = _Digest()
    digest.add(_until(network, steps))
    for part in network.phases[: phase + 1]:
        digest.add(part.start)
        digest.add(part.stop)
        digest.add(part.sets)
        digest.add(part.stop_when)
        digest.add(_until(part.network, steps))
    digest.add(tuple(adds_the_same(network, synapses) for synapses in network.synapses.values()))
    return digest.text()


def whole_network(network: Network) -> str:
    """The hash of everything in a network: two with the same hash have the same bits."""
    return digest_of(network)


def digest_of(value: Any) -> str:
    """The hash of anything that networks are made of."""
    digest = _Digest()
    digest.add(value)
    return digest.text()


def _until(network: Network, steps: int) -> Network:
    """A network as if the run ended after so many steps."""
    monitors = tuple(
        m
        if isinstance(m, ConnectivityMonitor)
        else replace(m, window=Window(min(m.window.start, steps), min(m.window.stop, steps)))
        for m in network.monitors
    )
    operations = tuple(replace(o, at=o.at[o.at < steps]) for o in network.operations)
    return replace(network, steps=steps, phases=(), monitors=monitors, operations=operations)


_BLOCK = 1 << 20  # indices of a range that are in memory at once


class _Digest:
    """A hash over frozen data: values, and where they stand; not where in files they come from."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._nodes: dict[int, int] = {}
        self._kept: list[Node] = []  # an identity is only good as long as its node lives

    def text(self) -> str:
        """The hash so far."""
        return self._sha.hexdigest()

    def add(self, value: Any) -> None:
        """Feed one value."""
        match value:
            case Node():
                self._node(value)
            case range():
                self._say(f"array <i8 {(len(value),)}")
                for first in range(0, len(value), _BLOCK):
                    self._sha.update(as_array(value[first : first + _BLOCK]).tobytes())
            case np.ndarray():
                self._say(f"array {value.dtype.str} {value.shape}")
                self._sha.update(np.ascontiguousarray(value).tobytes())
            case Mapping():
                self._say(f"map {len(value)}")
                for key, item in value.items():
                    self._say(repr(key))
                    self.add(item)
            case tuple() | list():
                self._say(f"list {len(value)}")
                for item in value:
                    self.add(item)
            case Graph() | Span() | System():
                pass
            case Enum() | Dimension():
                self._say(str(value))
            case _ if is_dataclass(value):
                self._say(type(value).__name__)
                for f in fields(value):
                    if not f.name.startswith("_"):
                        self._say(f.name)
                        self.add(getattr(value, f.name))
            case _:
                assert value is None or isinstance(value, str | int | float | bool | frozenset), type(value)
                self._say(repr(sorted(value) if isinstance(value, frozenset) else value))

    def _node(self, node: Node) -> None:
        """A graph; a part that was seen before is named by its number."""
        known = self._nodes.get(id(node))
        if known is not None:
            self._say(f"#{known}")
            return
        self._nodes[id(node)] = len(self._nodes)
        self._kept.append(node)
        self._say(f"({node.op.value} {node.kind.value}")
        payload = node.payload
        if isinstance(payload, Constant | Parameter):
            self._say(repr(payload.value))
        elif isinstance(payload, tuple | Reduction):
            self.add(payload)
        else:
            self._say(repr(payload))
        for part in node.args:
            self._node(part)

    def _say(self, text: str) -> None:
        self._sha.update(text.encode() + b"\0")

"""The synapses of one object in memory, and those that runs of one process share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.equations.dag import READS, Constant, Node, Op, Parameter, Variable, walk
from snnrun.model.network import Connect, IntArray, Network, NeuronSubset, Synapses


@dataclass(frozen=True, slots=True)
class Delays:
    """Delays of a pathway that differ between synapses, which are sorted by them.

    Args:
        shortest: In steps.
        longest: In steps.
        first: Creation number of the first synapse with the shortest delay.
        starts: Where in each row each delay begins, shape (parts, sources, longest - shortest + 2); or None.
        steps: Delay of each synapse in storage order; None when `starts` tells them and nobody else asks.
    """

    shortest: int
    longest: int
    first: int
    starts: NDArray[np.int32] | None = None
    steps: NDArray[np.int32] | None = None

    @property
    def width(self) -> int:
        """How many delays there are from the shortest to the longest."""
        return self.longest - self.shortest + 1


@dataclass(frozen=True)
class Connectivity:
    """Who meets whom, compactly: rows of targets. What only some networks need is computed when it is asked for.

    Synapses are stored by the part of the target group that they reach (of a thread, and there of a band of neurons),
    then by source, delay and number as created.

    Args:
        rows: Where the synapses of each source neuron begin, for each part, shape (parts, source group's size + 1).
        post: Target neuron of each synapse in storage order, shape (m,).
        numbers: For each synapse in storage order, its number in creation order, shape (m,), or what computes it when
            it is asked for; None when they are equal.
        rule_sizes: Synapses that each rule made, in creation order.
        source: Where i counts.
        target: Where j counts.
        delays: Of the pathway that synapses are sorted by, if its delays differ between synapses.
    """

    rows: IntArray
    post: NDArray[np.int32] | NDArray[np.uint16]
    numbers: IntArray | Callable[[], IntArray] | None
    rule_sizes: tuple[int, ...]
    source: NeuronSubset
    target: NeuronSubset
    delays: Delays | None = None

    @property
    def size(self) -> int:
        """Number of synapses."""
        return len(self.post)

    @property
    def bytes(self) -> int:
        """Memory of the arrays, those computed so far included."""
        return sum(a.nbytes for a in vars(self).values() if isinstance(a, np.ndarray))

    @cached_property
    def pre(self) -> NDArray[np.int32]:
        """Source neuron of each synapse in storage order, shape (m,)."""
        parts, ends = self.rows.shape
        return np.repeat(np.tile(np.arange(ends - 1, dtype=np.int32), parts), np.diff(self.rows, axis=1).reshape(-1))

    @cached_property
    def order(self) -> IntArray | None:
        """For each synapse in storage order, its number in creation order, shape (m,); None when they are equal."""
        return self.numbers() if callable(self.numbers) else self.numbers

    @cached_property
    def created(self) -> IntArray:
        """Creation number of each synapse in storage order, shape (m,)."""
        return np.arange(self.size, dtype=np.int64) if self.order is None else self.order

    @cached_property
    def i(self) -> IntArray:
        """Source index within the source, in creation order, shape (m,)."""
        return self.source.places(self.in_creation_order(self.pre))

    @cached_property
    def j(self) -> IntArray:
        """Target index within the target, in creation order, shape (m,)."""
        return self.target.places(self.in_creation_order(self.post))

    @cached_property
    def place(self) -> IntArray:
        """Where each synapse is stored, in creation order, shape (m,)."""
        found = np.empty(self.size, dtype=np.int64)
        found[self.created] = np.arange(self.size)
        return found

    def in_creation_order(self, stored: Any) -> Any:
        """An array in storage order, as the user counts synapses; one value for all as it is."""
        if self.order is None or len(stored) != self.size:
            return stored
        back = np.empty_like(stored)
        back[self.order] = stored
        return back


def pointers(neurons: NDArray[np.integer[Any]], size: int) -> IntArray:
    """Where the synapses of each neuron begin in an ascending list; shape (size + 1,)."""
    return np.concatenate([[0], np.cumsum(np.bincount(neurons, minlength=size))]).astype(np.int64)


def connectivity_key(synapses: Synapses, network: Network) -> str | None:
    """What connectivity depends on, as a hash; None when it depends on variables of neurons or on timed arrays."""
    sizes: list[int | str] = []
    for end in (synapses.source, synapses.target):
        if end.section == "groups":
            sizes.append(network.groups[end.group].size)
            continue
        key = connectivity_key(network.synapses[end.group], network)
        if key is None:
            return None
        sizes.append(key)
    digest = hashlib.sha256(f"{synapses.path} {network.seeds.connect} {network.dt!r} {sizes}".encode())
    for end in (synapses.source, synapses.target):
        _describe(end, digest)
    for rule in synapses.connect:
        for n in walk(*nodes_in(rule)):
            if n.op is Op.TIMED:
                return None
            if n.op in READS and n.payload.owner != synapses.path:  # type: ignore[attr-defined]
                return None
        _describe(rule, digest)
    return digest.hexdigest()


def nodes_in(value: Any) -> list[Node]:
    """The graphs that a rule is made of, those of variables and delays left out."""
    if isinstance(value, Node):
        return [value]
    if isinstance(value, tuple):
        return [n for item in value for n in nodes_in(item)]
    if is_dataclass(value):
        names = [f.name for f in fields(value) if f.name not in ("initial", "delay", "span", "delay_span")]
        return [n for name in names for n in nodes_in(getattr(value, name))]
    return []


def _describe(value: Any, digest: Any) -> None:
    """Feed everything a rule says into a hash, values of constants included."""
    if isinstance(value, Node):
        numbers: dict[int, int] = {}
        for n in walk(value):
            numbers[id(n)] = len(numbers)
            payload = n.payload
            shown = f"{payload.value!r}" if isinstance(payload, Constant | Parameter) else repr(payload)
            digest.update(f"({n.op.value} {shown} {[numbers[id(a)] for a in n.args]})".encode())
    elif isinstance(value, range):
        digest.update(repr(value).encode())
    elif isinstance(value, np.ndarray):
        digest.update(str(value.shape).encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, Connect | NeuronSubset) or is_dataclass(value):
        digest.update(type(value).__name__.encode())
        for f in fields(value):
            if f.name not in ("initial", "delay", "span", "delay_span"):
                digest.update(f.name.encode())
                _describe(getattr(value, f.name), digest)
    elif isinstance(value, tuple | list):
        for item in value:
            _describe(item, digest)
    else:
        assert value is None or isinstance(value, str | int | float | bool | Enum | Variable)
        digest.update(repr(value).encode())

"""Synapses of one object in memory: who meets whom, sorted for delivery."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.equations.dag import Constant, Node, Op, Variable, walk
from snnrun.network.connect import Ground, connect
from snnrun.network.ir import Connect, IntArray, Synapses, View


@dataclass(frozen=True)
class Wiring:
    """Who meets whom, compactly: rows of targets. What only some networks need is computed when it is asked for.

    Synapses are stored by the thread that owns their target, then by source, delay and number as created.

    Args:
        rows: Where the synapses of each source neuron begin, for each thread, shape (threads, source group's size + 1).
        post: Target neuron of each synapse in storage order, shape (m,).
        numbers: For each synapse in storage order, its number in creation order, shape (m,), or what computes it when
            it is asked for; None when they are equal.
        rule_sizes: Synapses that each rule made, in creation order.
        source: Where i counts.
        target: Where j counts.
    """

    rows: IntArray
    post: NDArray[np.int32] | NDArray[np.uint16]
    numbers: IntArray | Callable[[], IntArray] | None
    rule_sizes: tuple[int, ...]
    source: View
    target: View

    @property
    def size(self) -> int:
        """Number of synapses."""
        return len(self.post)

    @cached_property
    def pre(self) -> NDArray[np.int32]:
        """Source neuron of each synapse in storage order, shape (m,)."""
        threads, ends = self.rows.shape
        return np.repeat(np.tile(np.arange(ends - 1, dtype=np.int32), threads), np.diff(self.rows, axis=1).reshape(-1))

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
        """Source index within the view, in creation order, shape (m,)."""
        return np.asarray(np.searchsorted(self.source.ids, self.in_creation_order(self.pre)), dtype=np.int64)

    @cached_property
    def j(self) -> IntArray:
        """Target index within the view, in creation order, shape (m,)."""
        return np.asarray(np.searchsorted(self.target.ids, self.in_creation_order(self.post)), dtype=np.int64)

    def in_creation_order(self, stored: Any) -> Any:
        """An array in storage order, as the user counts synapses."""
        if self.order is None:
            return stored
        back = np.empty_like(stored)
        back[self.order] = stored
        return back


def wire(synapses: Synapses, ground: Ground, size: int) -> Wiring:
    """Carry out all connection rules of an object.

    Args:
        synapses: The object.
        ground: What its rules are evaluated on.
        size: Neurons of the whole source group.
    """
    pairs = [connect(rule, ground) for rule in synapses.connect]
    pre = np.concatenate([p for p, _ in pairs])
    post = np.concatenate([q for _, q in pairs]).astype(np.int32)
    ascending = bool(np.all(pre[1:] >= pre[:-1]))
    order = None if ascending else np.argsort(pre, kind="stable").astype(np.int64)
    sizes = tuple(len(p) for p, _ in pairs)
    stored = post if order is None else post[order]
    return Wiring(pointers(pre, size)[None, :], stored, order, sizes, synapses.source, synapses.target)


def arrange(wiring: Wiring, bounds: IntArray, delays: IntArray | None) -> Wiring:
    """Sort the synapses of a source by the thread that owns their target, and by delay.

    Args:
        wiring: Synapses of one thread, sorted by source, then as created.
        bounds: First target of each thread, and the end of the last, shape (threads + 1,).
        delays: Delay of each synapse in creation order, shape (m,), where it counts. [steps]
    """
    threads, size = len(bounds) - 1, wiring.rows.shape[1] - 1
    if threads == 1 and delays is None:
        return wiring
    owner = np.searchsorted(bounds, wiring.post, side="right") - 1
    later = np.zeros_like(wiring.created) if delays is None else delays[wiring.created]
    order = np.lexsort((wiring.created, later, wiring.pre, owner))
    lengths = np.bincount(owner * size + wiring.pre, minlength=threads * size).reshape(threads, size)
    firsts = np.concatenate([[0], np.cumsum(lengths)])
    rows = np.stack([firsts[k * size : (k + 1) * size + 1] for k in range(threads)]).astype(np.int64)
    return Wiring(rows, wiring.post[order], wiring.created[order], wiring.rule_sizes, wiring.source, wiring.target)


def pointers(neurons: NDArray[np.integer[Any]], size: int) -> IntArray:
    """Where the synapses of each neuron begin in an ascending list; shape (size + 1,)."""
    return np.concatenate([[0], np.cumsum(np.bincount(neurons, minlength=size))]).astype(np.int64)


MOST_WIRINGS = 64  # in one cache


@dataclass(slots=True)
class WiringCache:
    """Wirings that several runs of one process share (points of a sweep with the same rules and seeds)."""

    known: dict[str, Wiring]

    def get(self, key: str | None, make: Callable[[], Wiring]) -> Wiring:
        """The wiring of a key; made and kept when it is not known. A key of None is never kept."""
        if key is None:
            return make()
        if key not in self.known:
            while len(self.known) >= MOST_WIRINGS:
                del self.known[next(iter(self.known))]  # a sweep over seeds makes a new one each time
            self.known[key] = make()
        return self.known[key]


def wiring_key(synapses: Synapses, seed: int, dt: float) -> str | None:
    """What a wiring depends on, as a hash; None when it depends on variables of neurons."""
    digest = hashlib.sha256(f"{synapses.path} {seed} {dt!r}".encode())
    for rule in synapses.connect:
        for n in walk(*_nodes(rule)):
            if n.op is Op.VARIABLE and n.payload.owner != synapses.path:  # type: ignore[attr-defined]
                return None
        _describe(rule, digest)
    return digest.hexdigest()


def _nodes(value: Any) -> list[Node]:
    if isinstance(value, Node):
        return [value]
    if isinstance(value, tuple):
        return [n for item in value for n in _nodes(item)]
    if is_dataclass(value):
        return [n for f in fields(value) if f.name not in ("initial", "delay") for n in _nodes(getattr(value, f.name))]
    return []


def _describe(value: Any, digest: Any) -> None:
    """Feed everything a rule says into a hash, values of constants included."""
    if isinstance(value, Node):
        payload = value.payload
        shown = f"{payload.value!r}" if isinstance(payload, Constant) else repr(payload)
        digest.update(f"({value.op.value} {shown}".encode())
        for a in value.args:
            _describe(a, digest)
        digest.update(b")")
    elif isinstance(value, np.ndarray):
        digest.update(str(value.shape).encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, Connect | View) or is_dataclass(value):
        digest.update(type(value).__name__.encode())
        for f in fields(value):
            if f.name not in ("initial", "delay", "span"):
                digest.update(f.name.encode())
                _describe(getattr(value, f.name), digest)
    elif isinstance(value, tuple | list):
        for item in value:
            _describe(item, digest)
    else:
        assert value is None or isinstance(value, str | int | float | bool | Enum | Variable)
        digest.update(repr(value).encode())

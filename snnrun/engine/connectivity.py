"""Synapses of one object in memory: who meets whom, sorted for delivery."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from snnrun.equations.dag import Constant, Node, Op, Variable, walk
from snnrun.network.connect import Ground, connect
from snnrun.network.ir import Connect, IntArray, Synapses, View


@dataclass(frozen=True, slots=True)
class Wiring:
    """Who meets whom.

    Args:
        pre: Source neuron of each synapse in storage order (sorted by source, then as created), shape (m,).
        post: Target neuron of each synapse, shape (m,).
        created: For each synapse in storage order, its number in creation order, shape (m,).
        rule: Which rule made it, in creation order, shape (m,).
        i: Source index within its rule's view, in creation order, shape (m,).
        j: Target index within its rule's view, in creation order, shape (m,).
    """

    pre: IntArray
    post: IntArray
    created: IntArray
    rule: IntArray
    i: IntArray
    j: IntArray

    @property
    def size(self) -> int:
        """Number of synapses."""
        return len(self.pre)


def wire(synapses: Synapses, ground: Ground) -> Wiring:
    """Carry out all connection rules of an object."""
    pairs = [connect(rule, ground) for rule in synapses.connect]
    pre = np.concatenate([p for p, _ in pairs])
    post = np.concatenate([q for _, q in pairs])
    rule = np.repeat(np.arange(len(pairs), dtype=np.int64), [len(p) for p, _ in pairs])
    i = np.searchsorted(synapses.source.ids, pre)
    j = np.searchsorted(synapses.target.ids, post)
    ascending = bool(np.all(pre[1:] >= pre[:-1]))
    created = np.arange(len(pre), dtype=np.int64) if ascending else np.argsort(pre, kind="stable").astype(np.int64)
    return Wiring(pre[created], post[created], created, rule, i.astype(np.int64), j.astype(np.int64))


def pointers(neurons: IntArray, size: int) -> IntArray:
    """Where the synapses of each neuron begin in an ascending list; shape (size + 1,)."""
    return np.concatenate([[0], np.cumsum(np.bincount(neurons, minlength=size))]).astype(np.int64)


@dataclass(slots=True)
class WiringCache:
    """Wirings that several runs of one process share (points of a sweep with the same rules and seeds)."""

    known: dict[str, Wiring]

    def get(self, key: str | None, make: Callable[[], Wiring]) -> Wiring:
        """The wiring of a key; made and kept when it is not known. A key of None is never kept."""
        if key is None:
            return make()
        if key not in self.known:
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
